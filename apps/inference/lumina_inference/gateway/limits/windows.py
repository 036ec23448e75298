"""The spans of time that limits hold for: UTC minutes, days and months."""

from datetime import UTC, datetime
from typing import Literal, NamedTuple

Span = Literal["minute", "day", "month"]
DAY_SECONDS = 86_400
_MINUTE_SECONDS = 60


class Window(NamedTuple):
    """From `begins` up to, not including, `ends`, in Unix seconds."""

    begins: int
    ends: int


def window(span: Span, now: float) -> Window:
    """The minute, day or month that this moment is in."""
    if span == "month":
        return _month(now)
    seconds = DAY_SECONDS if span == "day" else _MINUTE_SECONDS
    begins = int(now // seconds) * seconds
    return Window(begins, begins + seconds)


def _month(now: float) -> Window:
    first = datetime.fromtimestamp(now, UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    year, month = (first.year + 1, 1) if first.month == 12 else (first.year, first.month + 1)
    return Window(int(first.timestamp()), int(first.replace(year=year, month=month).timestamp()))


def following(past: Window) -> Window:
    """The window of the same span that comes after it."""
    seconds = past.ends - past.begins
    span: Span = "minute" if seconds == _MINUTE_SECONDS else "day" if seconds == DAY_SECONDS else "month"
    return window(span, past.ends)
