"""Log records, newest first, page by page."""

import time
from dataclasses import dataclass, replace

import duckdb
import msgspec
from duckdb import DuckDBPyConnection

from lumina_telemetry import cursors, times
from lumina_telemetry.logs.filters import LogFilter
from lumina_telemetry.logs.models import LogPage, LogRecord
from lumina_telemetry.logs.stretches import TIME_IS_OVER, Stretches
from lumina_telemetry.rows import LogRow

_COLUMNS = """time_ns, observed_ns, severity, severity_text, body, event_name,
    CASE WHEN trace_hi = 0 AND trace_lo = 0 THEN '' ELSE printf('%016x%016x', trace_hi, trace_lo) END AS trace_id,
    CASE WHEN span_id = 0 THEN '' ELSE printf('%016x', span_id) END AS span_id,
    service, scope, project, ours, attributes"""
_NAMES = (
    "time_ns", "observed_ns", "severity", "severity_text", "body", "event_name", "trace_id", "span_id", "service",
    "scope", "project", "ours", "attributes",
)  # fmt: skip


@dataclass(frozen=True)
class LogQuery:
    """`end_ns` is not among the times that are meant. A cursor says where a page ended: at which time, after how many
    records of that very time; and what was stored when the first page was asked for.
    """

    filter: LogFilter
    start_ns: int
    end_ns: int
    limit: int
    shown: int = 0
    seen_ns: int = times.LAST

    def after(self, cursor: str) -> "LogQuery":
        """The same query, from where a page ended. Raises BadQuery."""
        at, shown, seen = cursors.position_of(cursor, 3)
        return replace(self, end_ns=min(at + 1, times.LAST), shown=max(shown, 0), seen_ns=seen)


def list_logs(connection: DuckDBPyConnection, query: LogQuery, seconds: float) -> LogPage:
    """A page of records. When the time is over, what was found by then."""
    if query.seen_ns == times.LAST:
        query = replace(query, seen_ns=time.time_ns())
    found: list[LogRow] = []
    lowest = query.end_ns
    try:
        for lower, upper in Stretches(query.start_ns, query.end_ns, time.monotonic() + 0.7 * seconds):
            wanted = query.limit + 1 - len(found)
            skip = query.shown if upper == query.end_ns else 0
            found += _rows(connection, query, lower, upper, wanted, skip)
            lowest = lower
            if len(found) > query.limit:
                break
    except duckdb.InterruptException:
        if lowest == query.end_ns:
            raise
    return _page(query, found, lowest)


def _rows(
    connection: DuckDBPyConnection, query: LogQuery, lower: int, upper: int, wanted: int, skip: int
) -> list[LogRow]:
    # The few rows that are shown are found first: to sort and carry all the texts of a stretch would cost more.
    sql = f"""WITH chosen AS (
        SELECT rowid AS chosen_row, time_ns AS chosen_ns FROM logs
        WHERE time_ns >= ? AND time_ns < ? AND stored_ns <= ?{query.filter.sql}
        ORDER BY time_ns DESC, rowid DESC LIMIT {wanted:d} OFFSET {skip:d})
        SELECT {_COLUMNS} FROM logs WHERE rowid IN (SELECT chosen_row FROM chosen)
        AND time_ns >= (SELECT min(chosen_ns) FROM chosen) ORDER BY time_ns DESC, rowid DESC"""
    rows = connection.execute(sql, [lower, upper, query.seen_ns, *query.filter.parameters]).fetchall()
    return [LogRow(**dict(zip(_NAMES, row, strict=True))) for row in rows]


def _page(query: LogQuery, found: list[LogRow], lowest: int) -> LogPage:
    shown, cut, follows = found[: query.limit], None, None
    if len(found) > query.limit:
        follows = _place(query, shown)
    elif lowest > query.start_ns:
        cut, follows = TIME_IS_OVER, cursors.cursor_of(lowest - 1, 0, query.seen_ns)
    return LogPage([told(row) for row in shown], follows, cut)


def _place(query: LogQuery, shown: list[LogRow]) -> str:
    last = shown[-1].time_ns
    same = sum(row.time_ns == last for row in shown)
    before = query.shown if last == query.end_ns - 1 else 0
    return cursors.cursor_of(last, same + before, query.seen_ns)


def told(row: LogRow) -> LogRecord:
    """A row as it is shown."""
    return LogRecord(
        time=times.told(row.time_ns),
        severity=row.severity,
        level=row.severity_text,
        service=row.service,
        body=row.body,
        event_name=row.event_name,
        trace_id=row.trace_id or None,
        span_id=row.span_id or None,
        scope=row.scope,
        project=row.project,
        ours=row.ours,
        attributes=msgspec.json.decode(row.attributes),
    )
