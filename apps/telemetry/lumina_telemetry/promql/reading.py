"""Points out of the store, already brought down to what the times of a query need.

The time axis is cut at every edge of a window, and the database sums up each cell between two cuts. So a window of
three days costs one row for each series, not 26,000.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from duckdb import DuckDBPyConnection
from numpy.typing import NDArray

from lumina_telemetry.errors import BadQuery
from lumina_telemetry.promql import histogram_cells
from lumina_telemetry.promql.models import Floats, Grid, Integers
from lumina_telemetry.promql.selection import COUNT, SUM, Origin, Selected
from lumina_telemetry.rows import STALE

LOOKBACK_NS = 300 * 10**9
_NUMBERS = """
SELECT w.place, p.time_ns AS time, p.value AS value
FROM numbers p JOIN wanted_numbers w ON p.series = w.series WHERE p.time_ns > $after AND p.time_ns <= $until"""
_HISTOGRAMS = f"""
SELECT w.place, p.time_ns AS time,
    CASE WHEN len(p.buckets) = 0 THEN {STALE!r} WHEN w.part = {SUM} THEN p.sum WHEN w.part = {COUNT} THEN p.count
        ELSE list_sum(p.buckets[1:w.part]) END::DOUBLE AS value
FROM histograms p JOIN wanted_histograms w ON p.series = w.series WHERE p.time_ns > $after AND p.time_ns <= $until"""
_SUMMED = """
count(*) AS points, min(time) AS first_time, max(time) AS last_time, arg_min(value, time) AS first,
arg_max(value, time) AS last"""
_DROPS = "sum(CASE WHEN value < before AND NOT isnan(before) THEN before ELSE 0 END)"
EXTRA = {
    "drops": _DROPS,
    "sum": "sum(value)",
    "least": "coalesce(min(value) FILTER (NOT isnan(value)), 'nan'::DOUBLE)",
    "most": "coalesce(max(value) FILTER (NOT isnan(value)), 'nan'::DOUBLE)",
}


@dataclass(frozen=True)
class Cells:
    """Rows by series and time: what lies between two cuts, or single points.

    `place` is the row of the selected labels, `extra` one more number for each row, if one was asked for.
    """

    place: Integers
    cell: Integers
    points: Integers
    first_time: Integers
    last_time: Integers
    first: Floats
    last: Floats
    extra: Floats


@dataclass(frozen=True)
class Cuts:
    """Windows over a grid, both edges included, and the number of the cell that a time is in, counted from 0."""

    grid: Grid
    range_ns: int

    @property
    def width_ns(self) -> int:
        """A window is all that is later than its time less this: the left edge belongs to it, as in Prometheus 2."""
        return self.range_ns + 1

    @property
    def base_ns(self) -> int:
        return self.grid.start_ns - self.width_ns

    @property
    def until_ns(self) -> int:
        return self.grid.start_ns + (self.grid.count - 1) * self.grid.step_ns

    @property
    def step_ns(self) -> int:
        return self.grid.step_ns if self.grid.count > 1 else self.width_ns

    @property
    def cell_sql(self) -> str:
        """All windows begin on one comb of times and end on another; two cells a step where the combs differ."""
        step, inner = self.step_ns, self.width_ns % self.step_ns
        periods = f"(time - {self.base_ns} - 1) // {step}"
        if inner == 0:
            return periods
        return f"2 * ({periods}) + CAST((time - {self.base_ns} - 1) % {step} >= {inner} AS BIGINT)"

    def windows(self) -> tuple[Integers, Integers]:
        """First cell of each window, and the cell after its last."""
        whole, inner = divmod(self.width_ns, self.step_ns)
        steps = np.arange(self.grid.count, dtype=np.int64)
        if inner == 0:
            return steps, steps + whole
        return 2 * steps, 2 * (steps + whole) + 1


@dataclass(frozen=True)
class Reader:
    """Reads points of selected series; no more rows than `most` at once."""

    connection: DuckDBPyConnection
    most: int

    def latest(self, selected: Selected, grid: Grid) -> Cells:
        """The last point of each series before each time of the grid, those that say "stale" included."""
        cell = f"greatest(0, (time - {grid.start_ns} + {grid.step_ns - 1}) // {grid.step_ns})"
        until = grid.start_ns + (grid.count - 1) * grid.step_ns
        return self._cells(selected, grid.start_ns - LOOKBACK_NS - 1, until, cell, "TRUE", None)

    def windows(self, selected: Selected, cuts: Cuts, extra: str | None) -> Cells:
        """What the windows need, a row for each cell that has points."""
        if histogram_cells.applies(selected, extra):
            sql = histogram_cells.cells_sql(cuts.cell_sql, extra, self.most)
            return self._run(sql, selected, cuts.base_ns, cuts.until_ns)
        return self._cells(selected, cuts.base_ns, cuts.until_ns, cuts.cell_sql, f"value <> {STALE!r}", extra)

    def points(self, selected: Selected, cuts: Cuts) -> Cells:
        """Every point by itself."""
        inner = f"SELECT *, {cuts.cell_sql} AS cell FROM ({_source(selected)}) WHERE value <> {STALE!r}"
        sql = f"""SELECT place, cell, 1 AS points, time AS first_time, time AS last_time, value AS first, value AS last,
            0.0 AS extra FROM ({inner}) ORDER BY place, time LIMIT {self.most + 1}"""  # nosec B608
        return self._run(sql, selected, cuts.base_ns, cuts.until_ns)

    def _cells(self, selected: Selected, after: int, until: int, cell: str, condition: str, extra: str | None) -> Cells:
        inner = f"SELECT *, {cell} AS cell FROM ({_source(selected)}) WHERE {condition}"
        if extra == "drops":
            inner = f"SELECT *, lag(value) OVER (PARTITION BY place, cell ORDER BY time) AS before FROM ({inner})"
        more = "0.0" if extra is None else EXTRA[extra]
        sql = f"""SELECT place, cell, {_SUMMED}, ({more})::DOUBLE AS extra FROM ({inner}) GROUP BY place, cell
            ORDER BY place, cell LIMIT {self.most + 1}"""  # nosec B608
        return self._run(sql, selected, after, until)

    def _run(self, sql: str, selected: Selected, after: int, until: int) -> Cells:
        self.connection.register("wanted_numbers", _wanted(selected, histograms=False))
        self.connection.register("wanted_histograms", _wanted(selected, histograms=True))
        columns = self.connection.execute(sql, {"after": after, "until": until}).fetchnumpy()
        if len(columns["place"]) > self.most:
            raise BadQuery(
                f"The query reads more than {self.most} samples.",
                next_step="Ask for a shorter time, a longer step, or fewer series.",
            )
        return Cells(
            place=_whole(columns["place"]),
            cell=_whole(columns["cell"]),
            points=_whole(columns["points"]),
            first_time=_whole(columns["first_time"]),
            last_time=_whole(columns["last_time"]),
            first=_real(columns["first"]),
            last=_real(columns["last"]),
            extra=_real(columns["extra"]),
        )


def _whole(column: NDArray[Any]) -> Integers:
    return np.asarray(column, dtype=np.int64)


def _real(column: NDArray[Any]) -> Floats:
    return np.asarray(column, dtype=np.float64)


def _source(selected: Selected) -> str:
    parts = {origin.part != 0 for origins in selected.origins for origin in origins} or {False}
    return " UNION ALL ".join(_HISTOGRAMS if histograms else _NUMBERS for histograms in sorted(parts))


def _wanted(selected: Selected, *, histograms: bool) -> dict[str, Integers]:
    rows: Sequence[tuple[int, Origin]] = [
        (place, origin)
        for place, origins in enumerate(selected.origins)
        for origin in origins
        if (origin.part != 0) == histograms
    ]
    return {
        "place": np.array([place for place, _ in rows], dtype=np.int64),
        "series": np.array([origin.series for _, origin in rows], dtype=np.uint64),
        "part": np.array([origin.part for _, origin in rows], dtype=np.int64),
    }
