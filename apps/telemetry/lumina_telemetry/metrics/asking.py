"""Parameters of queries for metrics."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass

import promql_parser as parser

from lumina_telemetry.errors import BadQuery
from lumina_telemetry.times import SECOND, parsed

HOUR = 3600 * SECOND
_DAYS_MOST = 3660
_DURATION = re.compile(r"(?:\d{1,9}(?:ms|[smhdwy]))+")
_STEPS = 240
_FINEST = 10 * SECOND


@dataclass(frozen=True)
class Span:
    """From when to when, in nanoseconds."""

    start_ns: int
    end_ns: int

    @property
    def usual_step_ns(self) -> int:
        """The step that a graph of this length needs, in whole tens of seconds."""
        return max(_FINEST, -(-(self.end_ns - self.start_ns) // _STEPS // _FINEST) * _FINEST)


def moment(asked: Mapping[str, str], name: str = "time") -> int:
    """A time; now where none is given."""
    return parsed(asked[name]) if asked.get(name) else time.time_ns()


def span(asked: Mapping[str, str]) -> Span:
    """`start` and `end`; the last hour where they are not given."""
    end = moment(asked, "end")
    start = parsed(asked["start"]) if asked.get("start") else end - HOUR
    if start > end:
        raise BadQuery("The start is after the end.", next_step="Swap start and end.")
    return Span(start, end)


def duration(asked: Mapping[str, str], name: str, usual_ns: int) -> int:
    """Seconds, or PromQL's form (5m), as nanoseconds."""
    text = asked.get(name)
    if not text:
        return usual_ns
    try:
        found = round(float(text) * SECOND) if _is_number(text) else _written(text)
    except ValueError:
        found = 0
    if not 0 < found <= _DAYS_MOST * 86_400 * SECOND:
        raise BadQuery(f"{text[:60]!r} is no duration for {name}.", next_step="Give seconds, or such as 30s, 5m, 1h.")
    return found


def whole(asked: Mapping[str, str], name: str, usual: int, most: int) -> int:
    text = asked.get(name) or str(usual)
    if not text.isdecimal() or not 1 <= int(text[:12]) <= most:
        raise BadQuery(f"{name} is {text[:60]!r}.", next_step=f"Give a number from 1 to {most}.")
    return int(text)


def required(asked: Mapping[str, str], name: str) -> str:
    text = asked.get(name, "")
    if not text:
        raise BadQuery(f"The parameter {name} is missing.", next_step=f"Add {name}=.")
    return text


def _is_number(text: str) -> bool:
    return len(text) < 30 and text.replace(".", "", 1).isdecimal()


def _written(text: str) -> int:
    if not _DURATION.fullmatch(text):
        return 0
    return int(parser.parse_duration(text).total_seconds() * 1000) * 10**6
