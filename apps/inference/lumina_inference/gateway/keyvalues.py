"""OTLP attributes (`KeyValue`) with the key's bytes cached."""

from collections.abc import Iterable
from functools import lru_cache

from lumina_inference.gateway.protobuf import double, integer, message, text, varint

Value = str | bool | int | float | tuple[str, ...]

# Field numbers of AnyValue.
_STRING, _BOOL, _INT, _DOUBLE, _ARRAY = 1, 2, 3, 4, 5


def any_value(value: Value) -> bytes:
    """The content of an AnyValue."""
    if isinstance(value, str):
        return text(_STRING, value)
    if isinstance(value, bool):
        return integer(_BOOL, value)
    if isinstance(value, int):
        return integer(_INT, value)
    if isinstance(value, float):
        return double(_DOUBLE, value)
    return message(_ARRAY, b"".join(message(1, text(_STRING, item)) for item in value))


@lru_cache(maxsize=256)
def _texts(value: tuple[str, ...]) -> bytes:
    return any_value(value)


class Key:
    """One attribute name as a repeated KeyValue field of some message; call it with a value."""

    __slots__ = ("_head", "_name", "_short")

    def __init__(self, field: int, name: str) -> None:
        self._head = varint(field << 3 | 2)
        self._name = text(1, name)
        self._short = 128 - len(self._name) - 4  # texts shorter than this have lengths of one byte throughout

    def __call__(self, value: Value) -> bytes:
        if type(value) is str and len(raw := value.encode("utf-8", "replace")) < self._short:
            size = len(raw)
            pair = bytes((len(self._name) + 4 + size,)) + self._name + bytes((0x12, size + 2, 0x0A, size))
            return self._head + pair + raw
        if type(value) is int and value >= 0:
            raw = varint(value)
            size = len(raw) + 1
            pair = bytes((len(self._name) + 2 + size,)) + self._name + bytes((0x12, size, 0x18))
            return self._head + pair + raw
        content = _texts(value) if type(value) is tuple else any_value(value)
        pair = self._name + b"\x12" + varint(len(content)) + content
        return self._head + varint(len(pair)) + pair


def attributes(field: int, pairs: Iterable[tuple[str, Value | None]]) -> bytes:
    """All pairs that have a value, as one cached segment."""
    return b"".join(Key(field, name)(value) for name, value in pairs if value is not None)
