"""The logs of a trace; if asked for, also what its services said close to it."""

from dataclasses import dataclass

from duckdb import DuckDBPyConnection

from lumina_telemetry import visibility
from lumina_telemetry.errors import TraceNotFound
from lumina_telemetry.logs.filters import Condition, LogFilter, of_trace
from lumina_telemetry.logs.stretches import SECOND
from lumina_telemetry.store.writing import halves
from lumina_telemetry.visibility import Visible

MOST_SERVICES = 100
LONGEST_NS = 86_400 * SECOND
"""A trace whose clocks are off may seem to last for days; the logs of this long before its end are looked at."""


@dataclass(frozen=True)
class Surroundings:
    """Where and when a trace took place, as far as the caller may see it. `end_ns` is not part of it."""

    trace_id: str
    services: tuple[str, ...]
    start_ns: int
    end_ns: int

    def condition(self, around_ns: int | None) -> Condition:
        """Records of the trace, or of its services while it took place, and `around_ns` before and after."""
        of = of_trace(self.trace_id)
        if around_ns is None:
            return of
        marks = ", ".join("?" * len(self.services)) or "NULL"
        sql = f"({of.sql}) OR (service IN ({marks}) AND time_ns >= ? AND time_ns < ?)"
        first, last = max(self.start_ns, self.end_ns - LONGEST_NS) - around_ns, self.end_ns + around_ns
        services = frozenset(self.services)
        return Condition(
            sql,
            (*of.parameters, *self.services, first, last),
            lambda row, all_: of.holds(row, all_) or (row.service in services and first <= row.time_ns < last),
        )


def surroundings(connection: DuckDBPyConnection, trace_id: str, scope: Visible) -> Surroundings:
    """Of a trace that has spans or logs. Raises TraceNotFound."""
    found = [
        _of(connection, trace_id, scope, *source)
        for source in (("spans", "start_ns + duration_ns"), ("logs", "time_ns"))
    ]
    told = [(low, high, services) for low, high, services in found if low is not None]
    if not told:
        raise TraceNotFound(f"There is no trace {trace_id}.", next_step="It may be older than what is kept.")
    services = sorted({service for *_, some in told for service in some})[:MOST_SERVICES]
    return Surroundings(trace_id, tuple(services), min(low for low, *_ in told), max(high for _, high, _ in told) + 1)


def _of(
    connection: DuckDBPyConnection, trace_id: str, scope: Visible, table: str, end: str
) -> tuple[int | None, int, list[str]]:
    within, parameters = LogFilter([of_trace(trace_id)]), list[object](halves(trace_id.lower()))
    limit = "" if scope is None else f" AND {visibility.SQL}"
    sql = f"SELECT min(time_ns), max({end}), list(DISTINCT service) FROM {table} WHERE true{within.sql}{limit}"
    row = connection.execute(sql, parameters if scope is None else [*parameters, list(scope)]).fetchone()
    assert row is not None
    return row[0], row[1] or 0, row[2] or []
