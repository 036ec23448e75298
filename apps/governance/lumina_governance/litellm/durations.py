"""LiteLLM's durations: a count and a unit, as `30d`."""

import re
from calendar import monthrange
from datetime import MAXYEAR, datetime, timedelta

from lumina_governance.errors import UnknownDuration
from lumina_governance.limits.models import Period

MOST_DAYS = 36_500
PERIODS: dict[str, Period] = {"1d": "day", "24h": "day", "30d": "month", "1mo": "month"}
NAMES: dict[Period, str] = {"day": "1d", "month": "30d"}
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DURATION = re.compile(r"(\d{1,10})(s|m|h|d|w|mo)")


def period(duration: str) -> Period:
    """The UTC day or month that a budget's duration means. Raises UnknownDuration."""
    found = PERIODS.get(duration)
    if found is None:
        raise UnknownDuration(
            f"budget_duration {duration[:40]!r} is none that a budget can have here.",
            next_step="Use 1d or 24h for a UTC day, 30d or 1mo for a UTC month.",
        )
    return found


def end(duration: str, now: datetime) -> datetime:
    """When a duration that begins now is over; months are calendar months. Raises UnknownDuration."""
    found = _DURATION.fullmatch(duration)
    try:
        until = _after(now, int(found[1]), found[2]) if found else None
    except OverflowError:
        until = None
    if until is None or until - now > timedelta(days=MOST_DAYS):
        raise UnknownDuration(
            f"duration {duration[:40]!r} is no time up to {MOST_DAYS:,} days.",
            next_step="Write it as 30s, 30m, 30h, 30d, 4w or 1mo.",
        )
    return until


def reset(period: Period, now: datetime) -> datetime:
    """When the UTC day or month after this one begins."""
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return today + timedelta(days=1) if period == "day" else _months_later(today.replace(day=1), 1)


def _after(now: datetime, count: int, unit: str) -> datetime:
    return _months_later(now, count) if unit == "mo" else now + timedelta(**{_UNITS[unit]: count})


def _months_later(now: datetime, count: int) -> datetime:
    years, month = divmod(now.month - 1 + count, 12)
    if now.year + years > MAXYEAR:
        raise OverflowError
    last = monthrange(now.year + years, month + 1)[1]
    return now.replace(year=now.year + years, month=month + 1, day=min(now.day, last))
