"""Counts what is in an export request before it is parsed: 32 MB of empty spans would become gigabytes of objects."""

from collections.abc import Iterator
from itertools import chain, islice

_RESOURCES, _SCOPES, _ITEMS = 1, 2, 2
"""Fields of a request, a resource and a scope in which the next part is; the same for all three signals."""
_VARINT, _EIGHT_BYTES, _LENGTH, _FOUR_BYTES = 0, 1, 2, 5
_GROUPS = frozenset({3, 4})
_MOST_VARINT = 10

Stretch = tuple[int, int]


def widest(body: bytes, most: int) -> int:
    """How many resources, scopes or items a request as protobuf has, whichever are most; one beyond `most` at most."""
    parts: list[Stretch] = [(0, len(body))]
    counts: list[int] = []
    for number in (_RESOURCES, _SCOPES, _ITEMS):
        inner = chain.from_iterable(_parts(body, part, number) for part in parts)
        parts = list(islice(inner, most + 1))
        counts.append(len(parts))
    return max(counts)


def _parts(body: bytes, within: Stretch, number: int) -> Iterator[Stretch]:
    """Where the parts in the field of this number are. What is no protobuf ends it: the parser tells of that."""
    place, end = within
    while place < end:
        tag, place = _number(body, place)
        kind, length = tag & 7, 0
        if kind == _LENGTH:
            length, place = _number(body, place)
            if tag >> 3 == number:
                yield place, min(place + length, end)
        elif kind == _VARINT:
            _, place = _number(body, place)
        elif kind in (_EIGHT_BYTES, _FOUR_BYTES):
            length = 8 if kind == _EIGHT_BYTES else 4
        elif kind not in _GROUPS:
            return
        place += length


def _number(body: bytes, place: int) -> tuple[int, int]:
    """A number of variable length, and the place after it."""
    value = 0
    for shift, byte in enumerate(body[place : place + _MOST_VARINT]):
        value |= (byte & 0x7F) << 7 * shift
        if byte < 0x80:
            return value, place + shift + 1
    return value, len(body)
