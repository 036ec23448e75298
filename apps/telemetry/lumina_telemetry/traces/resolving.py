"""From any id that a user may hold to the spans of Lumina's own that it belongs to."""

import re
import time
from dataclasses import dataclass

from duckdb import DuckDBPyConnection

from lumina_telemetry import times
from lumina_telemetry.errors import NotResolved
from lumina_telemetry.store.writing import halves
from lumina_telemetry.traces.details import details, fitting
from lumina_telemetry.traces.filters import Filter, Parameter
from lumina_telemetry.traces.models import Match, MatchedBy, MatchPage
from lumina_telemetry.visibility import Visible

FIRST_STRETCH = 3600 * times.SECOND
GROWTH = 24
_TRACE = re.compile(r"[0-9a-f]{32}")
_SPAN = re.compile(r"[0-9a-f]{16}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class _Way:
    """One thing that an id may be."""

    matched: MatchedBy
    sql: str
    parameters: tuple[Parameter, ...]


def resolve(connection: DuckDBPyConnection, id_: str, scope: Visible, limit: int) -> MatchPage:
    """Spans with this id, newest first; an id leads to many where it is a trace's or a prompt's. Raises NotResolved."""
    ways = _ways(id_)
    connection.begin()  # row ids hold within one transaction
    try:
        found = _found(connection, ways, scope, limit + 1)
        kept = fitting(connection, [row for row, _ in found[:limit]]) if found else []
        spans = details(connection, kept)
    finally:
        connection.rollback()
    if not found:
        raise NotResolved(
            f"Nothing that Lumina served has the id {id_[:100]!r}.",
            next_step="Known are ids of answers (chatcmpl-...), requests, traces and spans, and hashes of prompts. "
            "A request appears within two seconds of its answer, and stays as long as the retention.",
        )
    items = [Match(ways[way].matched, spans[row]) for row, way in found[: len(kept)]]
    return MatchPage(items, None, f"Only the newest {len(kept)} are told." if len(found) > len(kept) else None)


def _ways(id_: str) -> list[_Way]:
    lower = id_.lower()
    ways = [_Way("response_id", "response_id = ?", (id_,)), _Way("request_id", "request_id = ?", (id_,))]
    if _TRACE.fullmatch(lower.replace("-", "")):
        high, low = halves(lower.replace("-", ""))
        ways.append(_Way("trace_id", "trace_lo = ? AND trace_hi = ?", (low, high)))
    if _SPAN.fullmatch(lower):
        ways.append(_Way("span_id", "span_id = ?", (int(lower, 16),)))
    digest = lower.removeprefix("sha256:")
    if _DIGEST.fullmatch(digest):
        ways.append(_Way("prompt_sha256", "prompt_sha256 = ?", (digest,)))
    return ways


def _found(connection: DuckDBPyConnection, ways: list[_Way], scope: Visible, most: int) -> list[tuple[int, int]]:
    """Row and way of what is found, looking backwards in growing stretches until there is enough."""
    visible = Filter(scope=scope)
    either = " OR ".join(f"({way.sql})" for way in ways)
    which = " ".join(f"WHEN {way.sql} THEN {number}" for number, way in enumerate(ways))
    parameters = [parameter for way in ways for parameter in way.parameters]
    rows: list[tuple[int, int]] = []
    upper, stretch = time.time_ns() + times.SECOND, FIRST_STRETCH
    while upper > 0 and len(rows) < most:
        lower = upper - stretch if stretch < 60 * 24 * FIRST_STRETCH else 0
        rows += connection.execute(
            f"SELECT rowid, CASE {which} END FROM spans WHERE ours AND time_ns >= ? AND time_ns < ? AND ({either})"  # nosec B608
            f"{visible.sql} ORDER BY time_ns DESC LIMIT ?",
            [*parameters, lower, upper, *parameters, *visible.parameters, most - len(rows)],
        ).fetchall()
        upper, stretch = lower, stretch * GROWTH
    return rows
