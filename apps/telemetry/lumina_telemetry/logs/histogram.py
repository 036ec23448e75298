"""How many records were said when, by severity."""

import time
from collections import Counter
from dataclasses import dataclass

import duckdb
from duckdb import DuckDBPyConnection

from lumina_telemetry import times
from lumina_telemetry.logs.filters import LogFilter
from lumina_telemetry.logs.models import LogCount, LogHistogram
from lumina_telemetry.logs.stretches import SECOND, Stretches

MOST_BUCKETS = 100
SIZES = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400)
DAY = 86_400
LEVELS = ("none", "trace", "debug", "info", "warning", "error", "fatal")
CUT = "Counting took too long: only the newest buckets are told. Ask for a shorter time, or filter by more."


@dataclass(frozen=True)
class HistogramQuery:
    """`end_ns` is not among the times that are meant."""

    filter: LogFilter
    start_ns: int
    end_ns: int

    @property
    def bucket_seconds(self) -> int:
        """The smallest round size that needs no more than a hundred buckets."""
        least = -(-(self.end_ns - self.start_ns) // (MOST_BUCKETS * SECOND))
        return next((size for size in SIZES if size >= least), -(-least // DAY) * DAY)


def histogram(connection: DuckDBPyConnection, query: HistogramQuery, seconds: float) -> LogHistogram:
    """A bucket for each stretch of time. When the time is over, the newest ones."""
    size = query.bucket_seconds * SECOND
    counts: Counter[tuple[int, str]] = Counter()
    lowest = query.end_ns
    try:
        for lower, upper in Stretches(query.start_ns, query.end_ns, time.monotonic() + 0.7 * seconds, size):
            counts.update(_counted(connection, query.filter, lower, upper, size))
            lowest = lower
    except duckdb.InterruptException:
        if lowest == query.end_ns:
            raise
    starts = range(lowest // size * size, query.end_ns, size) if lowest < query.end_ns else ()
    items = [_count(start, [counts[start, level] for level in LEVELS]) for start in starts]
    return LogHistogram(items, query.bucket_seconds, None, CUT if lowest > query.start_ns else None)


def _counted(
    connection: DuckDBPyConnection, wanted: LogFilter, lower: int, upper: int, size: int
) -> dict[tuple[int, str], int]:
    sql = f"""SELECT time_ns // {size:d} * {size:d} AS start, (least(severity, 24) + 3) // 4 AS level, count(*)
        FROM logs WHERE time_ns >= ? AND time_ns < ?{wanted.sql} GROUP BY ALL"""
    rows = connection.execute(sql, [lower, upper, *wanted.parameters]).fetchall()
    return {(start, LEVELS[level]): count for start, level, count in rows}


def _count(start: int, counts: list[int]) -> LogCount:
    return LogCount(times.told(start), sum(counts), *counts)
