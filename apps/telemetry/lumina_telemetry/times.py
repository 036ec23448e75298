"""Times as people and programs write them."""

from datetime import UTC, datetime

from lumina_telemetry.errors import BadQuery

SECOND = 10**9
MILLISECOND = 10**6
LAST = 2**62
"""Nanoseconds beyond which a time is a mistake: the year 2116."""


def parsed(text: str) -> int:
    """RFC 3339 or unix seconds as nanoseconds. Raises BadQuery."""
    try:
        at = round(float(text) * SECOND) if _is_number(text) else _from_text(text)
    except (ValueError, OverflowError):
        at = -1
    if not 0 <= at <= LAST:
        raise BadQuery(f"{text[:60]!r} is no time.", next_step="Give RFC 3339 (2026-11-20T08:00:00Z) or unix seconds.")
    return at


def told(at_ns: int) -> str:
    """Nanoseconds as RFC 3339."""
    seconds, rest = divmod(at_ns, SECOND)
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"
    except (ValueError, OverflowError):
        return "9999-12-31T23:59:59.999999999Z"


def milliseconds(duration_ns: int) -> float:
    return duration_ns / MILLISECOND


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdigit()


def _from_text(text: str) -> int:
    at = datetime.fromisoformat(text.replace(" ", "+"))  # a plus sign in a query string arrives as a space
    aware = at if at.tzinfo else at.replace(tzinfo=UTC)
    return int(aware.timestamp()) * SECOND + aware.microsecond * 1000
