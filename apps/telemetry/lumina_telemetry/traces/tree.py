"""One trace, depth first, a page at a time: only the page's spans are read whole."""

import time
from dataclasses import dataclass
from itertools import islice

from duckdb import DuckDBPyConnection

from lumina_telemetry import cursors, times
from lumina_telemetry.errors import TraceNotFound
from lumina_telemetry.store.writing import halves
from lumina_telemetry.traces.details import details, fitting
from lumina_telemetry.traces.filters import Filter
from lumina_telemetry.traces.models import SpanDetail, SpanNode, TraceTree
from lumina_telemetry.traces.shape import Placed, Shape, Twig, shape_of
from lumina_telemetry.visibility import Visible

MOST_SPANS = 200_000
"""Spans of a trace that are looked at; of a larger one the earliest."""
MOST_SERVICES = 50


@dataclass(frozen=True)
class TreeQuery:
    """`top`: only the subtree of this span; `depth`: only so many levels under its top."""

    trace_id: str
    scope: Visible
    limit: int
    cursor: str | None = None
    top: str | None = None
    depth: int | None = None


def trace_tree(connection: DuckDBPyConnection, query: TreeQuery) -> TraceTree:
    """A page of a trace. Raises TraceNotFound."""
    skip, seen = cursors.position_of(query.cursor, 2) if query.cursor else (0, time.time_ns())
    connection.begin()  # row ids hold within one transaction
    try:
        twigs = _twigs(connection, query, seen)
        shape = shape_of(twigs[:MOST_SPANS])
        top = _top(query, shape)
        page = list(islice(shape.ordered(top, query.depth, skip), query.limit + 1))
        kept = fitting(connection, [placed.twig.row for placed in page[: query.limit]])
        spans = details(connection, kept)
    finally:
        connection.rollback()
    more = len(page) > len(kept)
    return _tree(query, shape, page[: len(kept)], spans, cursors.cursor_of(skip + len(kept), seen) if more else None)


def _twigs(connection: DuckDBPyConnection, query: TreeQuery, seen_ns: int) -> list[Twig]:
    high, low = halves(query.trace_id)
    scope = Filter(scope=query.scope)
    rows = connection.execute(
        "SELECT rowid, span_id, parent_id, start_ns, duration_ns, status = 2, service, start_ns - time_ns FROM spans"  # nosec B608
        f" WHERE trace_lo = ? AND trace_hi = ? AND stored_ns <= ?{scope.sql} ORDER BY time_ns, rowid LIMIT ?",
        [low, high, seen_ns, *scope.parameters, MOST_SPANS + 1],
    ).fetchall()
    if not rows:
        raise TraceNotFound(
            f"No span of trace {query.trace_id} is stored.",
            next_step="It may be older than the retention, or not stored yet: try again in two seconds.",
        )
    return [Twig(*row) for row in rows]


def _top(query: TreeQuery, shape: Shape) -> int | None:
    if query.top is None:
        return None
    span = int(query.top, 16)
    if span not in shape.twigs:
        raise TraceNotFound(f"Trace {query.trace_id} has no span {query.top}.")
    return span


def _tree(
    query: TreeQuery, shape: Shape, page: list[Placed], spans: dict[int, SpanDetail], following: str | None
) -> TraceTree:
    twigs = shape.twigs.values()
    start = min(twig.start_ns for twig in twigs)
    whole = len(twigs) + sum(shape.duplicates.values()) < MOST_SPANS
    return TraceTree(
        trace_id=query.trace_id,
        start=times.told(start),
        duration_ms=times.milliseconds(max(twig.end_ns for twig in twigs) - start),
        spans=len(twigs),
        errors=sum(twig.failed for twig in twigs),
        services=sorted({twig.service for twig in twigs})[:MOST_SERVICES],
        orphans=shape.orphans,
        cycles=len(shape.cycles),
        early=shape.early,
        ahead=shape.ahead,
        duplicates=sum(shape.duplicates.values()),
        items=[_node(placed, spans[placed.twig.row], start) for placed in page],
        next=following,
        cut=None if whole else f"Only the first {MOST_SPANS} spans are shown: the trace may have more.",
    )


def _node(placed: Placed, span: SpanDetail, start_ns: int) -> SpanNode:
    return SpanNode(
        depth=placed.depth,
        children=placed.children,
        offset_ms=times.milliseconds(placed.twig.start_ns - start_ns),
        orphan=placed.orphan,
        cycle=placed.cycle,
        early_ms=times.milliseconds(placed.early_ns),
        ahead_ms=times.milliseconds(placed.twig.ahead_ns),
        duplicates=placed.duplicates,
        span=span,
    )
