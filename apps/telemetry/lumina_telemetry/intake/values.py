"""Values of OTLP as plain ones of Python, none longer or deeper than allowed."""

from base64 import b64encode
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from lumina_telemetry.lifted import COLUMNS
from lumina_telemetry.settings import TelemetrySettings

Plain = str | bool | int | float | list["Plain"] | dict[str, "Plain"] | None
KEY_CHARS = 256
NAME_CHARS = 256
"""Longest key of an attribute, and longest name of a span, scope or service."""


@dataclass(frozen=True)
class Bounds:
    """How many attributes, and how many characters of a value; `cut` counts what was left away."""

    attributes: int
    characters: int
    cut: Counter[str]

    @classmethod
    def of(cls, settings: TelemetrySettings, cut: Counter[str]) -> "Bounds":
        return cls(settings.attributes, settings.attribute_chars, cut)

    def text(self, text: str) -> str:
        """A value of text, cut where it is too long."""
        if len(text) <= self.characters:
            return text
        self.cut["value_too_long"] += 1
        return text[: self.characters]

    def name(self, text: str, characters: int = NAME_CHARS) -> str:
        """A name, cut where it is too long; a NUL, which the store does not take, is left away."""
        if len(text) > characters:
            self.cut["name_too_long"] += 1
        return line(text, characters)


def attributes(pairs: Iterable[KeyValue], bounds: Bounds) -> dict[str, Plain]:
    """Attributes by their key, of the same key the last; those beyond the bound are counted and left away."""
    found: dict[str, Plain] = {}
    characters = bounds.characters
    for pair in pairs:
        value = pair.value
        kind = value.WhichOneof("value")
        if kind == "string_value":
            text = value.string_value
            found[pair.key] = text if len(text) <= characters else bounds.text(text)
        elif kind == "int_value":
            found[pair.key] = value.int_value
        else:
            found[pair.key] = plain(value, bounds)
    if len(found) > bounds.attributes or any(len(key) > KEY_CHARS for key in found):
        return _fewer(found, bounds)
    return found


def _fewer(found: dict[str, Plain], bounds: Bounds) -> dict[str, Plain]:
    """Those with a column of their own come first: they are what spans are found by."""
    names = [key for key in found if len(key) <= KEY_CHARS]
    names.sort(key=lambda name: name not in COLUMNS)
    kept = {name: found[name] for name in names[: bounds.attributes]}
    bounds.cut["too_many_attributes"] += len(found) - len(kept)
    return kept


_UNBOUNDED = Bounds(2**31, 2**31, Counter())


def plain(value: AnyValue, bounds: Bounds = _UNBOUNDED) -> Plain:
    """One value. Bytes become base64, as in OTLP's JSON. Depth is bounded by the decoder of protobuf."""
    match value.WhichOneof("value"):
        case None:
            return None
        case "string_value":
            return bounds.text(value.string_value)
        case "bytes_value":
            return bounds.text(b64encode(value.bytes_value).decode())
        case "array_value":
            return _list(value, bounds)
        case "kvlist_value":
            return attributes(value.kvlist_value.values, bounds)
        case kind:
            number: bool | int | float = getattr(value, kind)
            return number


def _list(value: AnyValue, bounds: Bounds) -> list[Plain]:
    values = value.array_value.values
    if len(values) > bounds.attributes:
        bounds.cut["list_too_long"] += 1
    return [plain(one, bounds) for one in values[: bounds.attributes]]


def line(text: str, characters: int = NAME_CHARS) -> str:
    """A name, as long as names may be; a NUL, which the store does not take, is left away."""
    return text[:characters].replace("\0", "")
