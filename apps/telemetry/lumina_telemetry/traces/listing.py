"""Traces, newest first, found by looking backwards in growing stretches of time.

A trace has its place in the list by its earliest span, so a search that goes backwards has met every matching span of
a trace when it comes to that place. Later pages look only at what was stored when the first one was asked for.
"""

import time
from dataclasses import dataclass, field, replace

import duckdb
from duckdb import DuckDBPyConnection

from lumina_telemetry import cursors, times
from lumina_telemetry.traces.filters import Filter, Parameter
from lumina_telemetry.traces.models import TracePage
from lumina_telemetry.traces.summaries import summaries

FIRST_STRETCH = 10 * times.SECOND
GROWTH = 4
NEAR = 60 * times.SECOND
REACH = 3600 * times.SECOND
"""How long after its earliest span another span of a trace may begin and still lead to it."""
CANDIDATES = 400
MOST_CANDIDATES = 20_000

Trace = tuple[int, int]


@dataclass(frozen=True, order=True)
class Place:
    """Where a trace stands: the time of its earliest span, then its id."""

    time_ns: int
    trace: Trace


@dataclass(frozen=True)
class TraceQuery:
    """`before` and `seen_ns` come from a cursor: the last place shown, and what was stored by then."""

    filter: Filter
    start_ns: int
    end_ns: int
    limit: int
    before: Place | None = None
    seen_ns: int = times.LAST

    def after(self, cursor: str) -> "TraceQuery":
        """The same query, from where a page ended. Raises BadQuery."""
        at, high, low, seen = cursors.position_of(cursor, 4)
        return replace(self, before=Place(at, (high, low)), seen_ns=seen)


def list_traces(connection: DuckDBPyConnection, query: TraceQuery, seconds: float) -> TracePage:
    """A page of traces with a span that fits. When the time is over, what was found by then."""
    if query.before is None:
        query = replace(query, seen_ns=time.time_ns())
    search = Search(connection, query, time.monotonic() + 0.7 * seconds)
    cut = None
    try:
        search.run()
    except duckdb.InterruptException:
        if not search.found and not search.moved:
            raise
        cut = "time"
    return _page(search, cut)


def _page(search: "Search", cut: str | None) -> TracePage:
    query = search.query
    shown = sorted(search.found, reverse=True)[: query.limit]
    last: Place | None = None
    if len(search.found) > query.limit:
        last = shown[-1]
    elif search.upper > query.start_ns:
        last = Place(search.upper, (0, 0))
        cut = cut or "time"
    return TracePage(
        items=summaries(search.connection, [place.trace for place in shown], query.filter.scope, _earliest(shown)),
        next=cursors.cursor_of(last.time_ns, *last.trace, query.seen_ns) if last else None,
        cut=f"Searched back to {times.told(search.upper)} only; `next` goes on from there." if cut else None,
    )


def _earliest(shown: list[Place]) -> int:
    return shown[-1].time_ns if shown else 0


@dataclass
class Search:
    """What was found so far; everything from `upper` on has been looked through."""

    connection: DuckDBPyConnection
    query: TraceQuery
    deadline: float
    found: list[Place] = field(default_factory=list)
    moved: bool = False

    def __post_init__(self) -> None:
        query = self.query
        self.upper = min(query.end_ns, query.before.time_ns + 1) if query.before else query.end_ns
        self._open: list[Trace] = []  # traces that were met, and begin before what has been looked through

    def run(self) -> None:
        """Look backwards until there is more than a page."""
        self._open = self._met_later() if self.query.filter.conditions else []
        stretch = FIRST_STRETCH
        while self.upper > self.query.start_ns and len(self.found) <= self.query.limit:
            if time.monotonic() > self.deadline:
                return
            self._look(max(self.query.start_ns, self.upper - stretch))
            stretch *= GROWTH
            self.moved = True

    def _look(self, lower: int) -> None:
        met, lower = self._met(lower, self.upper)
        places = self._places(list(dict.fromkeys([*self._open, *met])), lower, self.upper)
        self.found += [place for place in places if lower <= place.time_ns < self.upper and self._is_ahead(place)]
        self._open = [place.trace for place in places if place.time_ns < lower]
        self.upper = lower

    def _is_ahead(self, place: Place) -> bool:
        return self.query.before is None or place < self.query.before

    def _met(self, lower: int, upper: int) -> tuple[list[Trace], int]:
        """Traces with a fitting span, and down to where they are all there are: the stretch may hold too many."""
        most = CANDIDATES + self.query.limit
        while True:
            rows = self._fitting(lower, upper, most)
            if len(rows) < most:
                return [(high, low) for high, low, _ in rows], lower
            oldest = rows[-1][2]
            if oldest + 1 < upper or most >= MOST_CANDIDATES:
                reached = max(lower, min(oldest + 1, upper - 1))
                return [(high, low) for high, low, _ in rows], reached
            most *= 10

    def _met_later(self) -> list[Trace]:
        """Traces whose fitting span begins later than the list goes on, and which themselves began before."""
        return [(high, low) for high, low, _ in self._fitting(self.upper, self.upper + REACH, MOST_CANDIDATES)]

    def _fitting(self, lower: int, upper: int, most: int) -> list[tuple[int, int, int]]:
        query = self.query
        return self.connection.execute(
            "SELECT trace_hi, trace_lo, min(time_ns) AS first FROM spans"  # nosec B608
            f" WHERE time_ns >= ? AND time_ns < ? AND stored_ns <= ?{query.filter.sql}"
            " GROUP BY trace_hi, trace_lo ORDER BY first DESC LIMIT ?",
            [lower, upper, query.seen_ns, *query.filter.parameters, most],
        ).fetchall()

    def _places(self, traces: list[Trace], lower: int, upper: int) -> list[Place]:
        """Where traces begin. Few begin long before: those whose root is not near are looked for further back."""
        near = self._firsts(traces, lower - NEAR, upper + NEAR)
        rootless = [trace for trace in traces if not near.get(trace, (0, False))[1]]
        far = {**near, **self._firsts(rootless, lower - REACH, upper + NEAR)}
        return [Place(at, trace) for trace, (at, _) in far.items()]

    def _firsts(self, traces: list[Trace], lower: int, upper: int) -> dict[Trace, tuple[int, bool]]:
        if not traces:
            return {}
        scope = Filter(scope=self.query.filter.scope)
        parameters: list[Parameter] = [lower, upper, self.query.seen_ns, [low for _, low in traces], *scope.parameters]
        rows = self.connection.execute(
            "SELECT trace_hi, trace_lo, min(time_ns), bool_or(parent_id = 0) FROM spans"  # nosec B608
            " WHERE time_ns >= ? AND time_ns < ? AND stored_ns <= ?"
            f" AND trace_lo IN (SELECT unnest(?::UBIGINT[])){scope.sql} GROUP BY trace_hi, trace_lo",
            parameters,
        ).fetchall()
        wanted = set(traces)
        return {(high, low): (at, root) for high, low, at, root in rows if (high, low) in wanted}
