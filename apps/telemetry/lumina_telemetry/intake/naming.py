"""Names of metrics and labels as Prometheus has them, by OpenTelemetry's "Prometheus and OpenMetrics Compatibility"."""

import re
from collections.abc import Mapping
from types import MappingProxyType

from lumina_contracts.attributes import METRICS

_UNITS: Mapping[str, str] = MappingProxyType(
    {
        "d": "days", "h": "hours", "min": "minutes", "s": "seconds", "ms": "milliseconds", "us": "microseconds",
        "ns": "nanoseconds", "By": "bytes", "KiBy": "kibibytes", "MiBy": "mebibytes", "GiBy": "gibibytes",
        "TiBy": "tibibytes", "KBy": "kilobytes", "kBy": "kilobytes", "MBy": "megabytes", "GBy": "gigabytes",
        "TBy": "terabytes", "m": "meters", "V": "volts", "A": "amperes", "J": "joules", "W": "watts", "g": "grams",
        "Cel": "celsius", "Hz": "hertz", "%": "percent",
    }
)  # fmt: skip
_PER: Mapping[str, str] = MappingProxyType(
    {"s": "second", "m": "minute", "h": "hour", "d": "day", "w": "week", "mo": "month", "y": "year"}
)
_KNOWN: Mapping[str, str] = MappingProxyType({metric.name: metric.prometheus for metric in METRICS})
_NOT_OF_A_NAME = re.compile(r"[^a-zA-Z0-9:]+")
_NOT_OF_A_LABEL = re.compile(r"[^a-zA-Z0-9_]")


def metric_name(name: str, unit: str, kind: str) -> str:
    """The Prometheus name: that of Lumina's table, else by the rules. Empty where nothing of the name is usable."""
    if known := _KNOWN.get(name):
        return known
    words = [word for word in _NOT_OF_A_NAME.split(name) if word]
    if not words:
        return ""
    main, _, per = unit.partition("/")
    words = _with_unit(words, main, per)
    if kind == "counter":
        words = [*(word for word in words if word != "total"), "total"]
    if kind == "gauge" and unit == "1":
        words = [*(word for word in words if word != "ratio"), "ratio"]
    joined = "_".join(words)
    return f"_{joined}" if joined[0].isdigit() else joined


def label_name(name: str) -> str:
    """The name of a label. Those that begin with an underscore are Prometheus' own."""
    label = _NOT_OF_A_LABEL.sub("_", name)
    if not label or label[0] == "_":
        return f"key{label}"
    return f"key_{label}" if label[0].isdigit() else label


def _with_unit(words: list[str], main: str, per: str) -> list[str]:
    suffix = _word(main, _UNITS)
    if suffix and suffix not in words:
        words = [*words, suffix]
    period = _word(per, _PER)
    return [*words, "per", period] if period and period not in words else words


def _word(unit: str, table: Mapping[str, str]) -> str:
    """What a unit is called in a name; an annotation in braces, and the unit 1, are not called at all."""
    unit = unit.strip()
    if not unit or unit == "1" or "{" in unit:
        return ""
    return "_".join(word for word in _NOT_OF_A_NAME.split(table.get(unit, unit)) if word)
