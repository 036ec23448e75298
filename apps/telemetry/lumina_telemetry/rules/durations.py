"""Durations as Prometheus writes them: 15s, 1h30m, 4w."""

import re

_UNITS_MS = {"y": 31_536_000_000, "w": 604_800_000, "d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
_DURATION = re.compile("".join(rf"(?:(?P<{unit}>\d+){unit})?" for unit in _UNITS_MS))
_EXACT = ("d", "h", "m", "s")


def parse_seconds(text: str) -> float:
    """The seconds of a duration. Raises ValueError, with what is wrong as its text."""
    found = _DURATION.fullmatch(text)
    if text == "0":
        return 0.0
    if not text or found is None:
        raise ValueError(f"{text!r} is not a duration such as 30s, 5m or 1h30m")
    return sum(int(count) * _UNITS_MS[unit] for unit, count in found.groupdict().items() if count) / 1000


def written(seconds: float) -> str:
    """A duration as Prometheus writes it."""
    left = round(seconds * 1000)
    if not left:
        return "0s"
    parts = []
    for unit in (*_EXACT, "ms"):
        count, left = divmod(left, _UNITS_MS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)
