"""Times and durations as people type them: `90s`, `1h30m`, `500ms`, or a time of RFC 3339."""

import re
from datetime import UTC, datetime
from typing import Annotated

import typer

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdw])")
_WHOLE = re.compile(rf"(?:{_PART.pattern})+")

SinceFlag = Annotated[
    str, typer.Option("--since", help="Begin so long ago (30m, 2h, 7d), or at a time such as 2026-11-20T14:03:00Z.")
]
UntilFlag = Annotated[
    str | None, typer.Option("--until", help="End so long ago or at a time; else now.", show_default=False)
]


def seconds_of(text: str) -> float:
    """A duration in seconds. Raises BadParameter."""
    if not _WHOLE.fullmatch(text):
        raise typer.BadParameter(f"{text!r} is no duration; write it as 500ms, 30s, 15m, 2h or 7d.")
    return sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(text))


def moment_of(text: str, now: datetime | None = None) -> datetime:
    """A time, or so long before now. A time without a zone is local. Raises BadParameter."""
    if _WHOLE.fullmatch(text):
        at = now or datetime.now(UTC)
        return datetime.fromtimestamp(at.timestamp() - seconds_of(text), UTC)
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is neither a duration such as 1h nor a time such as 2026-11-20T14:03:00Z."
        ) from None


def window(since: str, until: str | None) -> dict[str, str]:
    """The parameters `start` and `end` of a query."""
    end = {"end": moment_of(until).isoformat()} if until else {}
    return {"start": moment_of(since).isoformat(), **end}
