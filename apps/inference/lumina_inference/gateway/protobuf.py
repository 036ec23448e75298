"""Protocol buffer bytes, written by hand: the hot path joins cached segments instead of building messages."""

import struct
from collections.abc import Iterable

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_UINT64 = 2**64 - 1
_pack_double = struct.Struct("<d").pack
_pack_fixed64 = struct.Struct("<Q").pack
_pack_fixed32 = struct.Struct("<I").pack
_SMALL = [bytes((value,)) for value in range(128)]


def varint(value: int) -> bytes:
    """An unsigned varint; a negative value is written as its 64-bit complement."""
    if 0 <= value < 128:
        return _SMALL[value]
    value &= _UINT64
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def tag(number: int, wire: int) -> bytes:
    return varint(number << 3 | wire)


def message(number: int, content: bytes) -> bytes:
    """A length-delimited field: bytes, or an embedded message."""
    return tag(number, _LENGTH) + varint(len(content)) + content


def text(number: int, value: str) -> bytes:
    return message(number, value.encode("utf-8", "replace"))


def integer(number: int, value: int) -> bytes:
    return tag(number, _VARINT) + varint(value)


def double(number: int, value: float) -> bytes:
    return tag(number, _FIXED64) + _pack_double(value)


def fixed64(number: int, value: int) -> bytes:
    return tag(number, _FIXED64) + _pack_fixed64(value)


def fixed32(number: int, value: int) -> bytes:
    return tag(number, _FIXED32) + _pack_fixed32(value)


def packed_fixed64(number: int, values: Iterable[int]) -> bytes:
    return message(number, b"".join(map(_pack_fixed64, values)))


def packed_double(number: int, values: Iterable[float]) -> bytes:
    return message(number, b"".join(map(_pack_double, values)))
