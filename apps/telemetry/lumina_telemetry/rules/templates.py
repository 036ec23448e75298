"""The part of Prometheus' templates that labels and annotations may use: a label, the value, and ways to write it."""

import math
import re
from collections.abc import Callable, Mapping
from decimal import Decimal

_ACTION = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_LABEL = re.compile(r"\$labels\.([A-Za-z_][A-Za-z0-9_]*)")
_VALUE = re.compile(r"\$value(?:\s*\|\s*([A-Za-z0-9]+))?")
_BIG = "kMGTPEZY"
_SMALL = "munpfazy"
_GO_EXPONENT = (-4, 21)
SUPPORTED = (
    "{{ $labels.NAME }}, {{ $value }} and {{ $value | humanize }}, humanize1024, humanizePercentage, humanizeDuration"
)


def check(text: str) -> None:
    """Raises ValueError, with what is wrong as its text, unless all of the template is supported."""
    for found in _ACTION.finditer(text):
        inner = found[1].strip()
        piped = _VALUE.fullmatch(inner)
        known = _LABEL.fullmatch(inner) or (piped and (piped[1] is None or piped[1] in _WRITTEN))
        if not known:
            raise ValueError(f"{found[0]} is not supported in a template; supported are {SUPPORTED}")
    if "{{" in _ACTION.sub("", text):
        raise ValueError("a template's {{ is never closed")


def render(text: str, labels: Mapping[str, str], value: float) -> str:
    """A checked template, filled in. A label that is not there is empty."""

    def filled(found: re.Match[str]) -> str:
        inner = found[1].strip()
        if label := _LABEL.fullmatch(inner):
            return labels.get(label[1], "")
        piped = _VALUE.fullmatch(inner)
        assert piped is not None
        return _WRITTEN[piped[1] or ""](value)

    return _ACTION.sub(filled, text)


def go_float(value: float) -> str:
    """A number as Go's %v writes it, and so Prometheus."""
    if not math.isfinite(value):
        return _unfinished(value)
    if value == 0:
        return "-0" if math.copysign(1, value) < 0 else "0"
    number = Decimal(repr(value)).normalize()
    exponent = number.adjusted()
    if _GO_EXPONENT[0] <= exponent < _GO_EXPONENT[1]:
        return f"{number:f}"
    digits = "".join(str(digit) for digit in number.as_tuple().digits)
    mantissa = digits[0] + (f".{digits[1:]}" if digits[1:] else "")
    return f"{'-' if value < 0 else ''}{mantissa}e{exponent:+03d}"


def humanize(value: float) -> str:
    if value == 0 or not math.isfinite(value):
        return _short(value)
    if abs(value) < 1:
        return _small(value)
    prefix = ""
    for sign in _BIG:
        if abs(value) < 1000:
            break
        prefix, value = sign, value / 1000
    return _short(value) + prefix


def humanize_1024(value: float) -> str:
    if abs(value) <= 1 or not math.isfinite(value):
        return _short(value)
    prefix = ""
    for sign in _BIG:
        if abs(value) < 1024:
            break
        prefix, value = f"{sign}i", value / 1024
    return _short(value) + prefix


def humanize_percentage(value: float) -> str:
    return f"{_short(value * 100)}%"


def humanize_duration(value: float) -> str:
    if not math.isfinite(value):
        return _short(value)
    if value == 0 or abs(value) < 1:
        return f"{_small(value) if value else '0'}s"
    sign, value = ("-", -value) if value < 0 else ("", value)
    minutes, seconds = divmod(int(value), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{sign}{days}d {hours}h {minutes}m {seconds}s"
    if hours:
        return f"{sign}{hours}h {minutes}m {seconds}s"
    return f"{sign}{minutes}m {seconds}s" if minutes else f"{sign}{_short(value)}s"


def _small(value: float) -> str:
    prefix = ""
    for sign in _SMALL:
        if abs(value) >= 1:
            break
        prefix, value = sign, value * 1000
    return _short(value) + prefix


def _short(value: float) -> str:
    return f"{value:.4g}" if math.isfinite(value) else _unfinished(value)


def _unfinished(value: float) -> str:
    return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"


_WRITTEN: dict[str, Callable[[float], str]] = {
    "": go_float,
    "humanize": humanize,
    "humanize1024": humanize_1024,
    "humanizePercentage": humanize_percentage,
    "humanizeDuration": humanize_duration,
}
