"""How long spans took: counts and percentiles by group, in stretches of time."""

from dataclasses import dataclass

from duckdb import DuckDBPyConnection

from lumina_telemetry import times
from lumina_telemetry.errors import BadQuery
from lumina_telemetry.traces.filters import Filter, column_of
from lumina_telemetry.traces.models import Statistic, StatisticPage, ValueCount, ValuePage

MOST_ROWS = 5_000
MOST_STRETCHES = 1_000


@dataclass(frozen=True)
class StatisticQuery:
    """`by`: an attribute, or None for one group; `step_ns`: None for one stretch."""

    filter: Filter
    start_ns: int
    end_ns: int
    by: str | None = None
    step_ns: int | None = None

    def __post_init__(self) -> None:
        if self.step_ns and (self.end_ns - self.start_ns) / self.step_ns > MOST_STRETCHES:
            raise BadQuery(
                f"The time has more than {MOST_STRETCHES} steps of {self.step_ns / times.SECOND:g} s.",
                next_step="Ask for a longer step, or a shorter time.",
            )


def statistics(connection: DuckDBPyConnection, query: StatisticQuery) -> StatisticPage:
    """By time, then by group, the largest first."""
    group = column_of(query.by) if query.by else column_of("")
    grouped = group.sql if query.by else "NULL"
    start, step = query.start_ns, query.step_ns or max(1, query.end_ns - query.start_ns)
    rows = connection.execute(
        f"SELECT (time_ns - {start}) // {step} AS stretch, {grouped} AS grouped, count(*) AS spans,"  # nosec B608
        " count(*) FILTER (status = 2), approx_quantile(duration_ns, [0.5, 0.95, 0.99]) FROM spans"
        f" WHERE time_ns >= ? AND time_ns < ?{query.filter.sql}"
        f" GROUP BY stretch, grouped ORDER BY stretch, spans DESC, grouped LIMIT {MOST_ROWS + 1}",
        [*(group.parameters if query.by else ()), start, query.end_ns, *query.filter.parameters],
    ).fetchall()
    items = [
        Statistic(told, times.told(start + stretch * step), count, errors, *map(times.milliseconds, quantiles))
        for stretch, told, count, errors, quantiles in rows[:MOST_ROWS]
    ]
    cut = f"Only the first {MOST_ROWS} rows are told: ask for a shorter time, or group by less."
    return StatisticPage(items, None, cut if len(rows) > MOST_ROWS else None)


@dataclass(frozen=True)
class ValueQuery:
    """`containing`: only values with this text in them."""

    filter: Filter
    attribute: str
    start_ns: int
    end_ns: int
    limit: int
    containing: str = ""


def values(connection: DuckDBPyConnection, query: ValueQuery) -> ValuePage:
    """Values that an attribute had, and on how many spans."""
    column = column_of(query.attribute)
    rows = connection.execute(
        f"SELECT value, spans FROM (SELECT {column.sql} AS value, count(*) AS spans FROM spans"  # nosec B608
        f" WHERE time_ns >= ? AND time_ns < ?{query.filter.sql} GROUP BY value OFFSET 0)"  # a wall: without it each
        " WHERE value <> '' AND contains(value, ?)"  # of these takes the value out of every span once more
        " ORDER BY spans DESC, value LIMIT ?",
        [*column.parameters, query.start_ns, query.end_ns, *query.filter.parameters, query.containing, query.limit + 1],
    ).fetchall()
    cut = f"Only the {query.limit} most frequent values are told." if len(rows) > query.limit else None
    return ValuePage([ValueCount(value, count) for value, count in rows[: query.limit]], None, cut)
