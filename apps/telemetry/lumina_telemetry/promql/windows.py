"""Functions over a range of time, from cells, as Prometheus computes them: with extrapolation and counter resets."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from lumina_telemetry.promql.models import Flags, Floats, Integers
from lumina_telemetry.promql.reading import Cells, Cuts


@dataclass(frozen=True)
class Windows:
    """For each series and each time, the rows `low` to `high` (exclusive) of the cells that its window covers."""

    cells: Cells
    low: Integers
    high: Integers
    times: Integers
    range_ns: int

    @classmethod
    def over(cls, cells: Cells, series: int, cuts: Cuts) -> "Windows":
        begin, end = cuts.windows()
        width = int(max(end[-1], cells.cell.max(initial=0) + 1)) + 1
        keys = cells.place * width + cells.cell
        starts = np.arange(series, dtype=np.int64)[:, None] * width
        low = np.searchsorted(keys, starts + begin[None, :], side="left")
        high = np.searchsorted(keys, starts + end[None, :], side="left")
        return cls(cells, low, high, cuts.grid.times, cuts.range_ns)

    @property
    def filled(self) -> Flags:
        return np.asarray(self.high > self.low)

    def first(self, column: Floats) -> Floats:
        return _picked(column, self.low)

    def last(self, column: Floats) -> Floats:
        return _picked(column, self.high - 1)

    def total(self, column: Floats | Integers) -> Floats:
        return self.reduced(np.add, column)

    def reduced(self, how: np.ufunc, column: Floats | Integers) -> Floats:
        """`how` over each window's rows; what stands for an empty window means nothing."""
        if not len(column):
            return np.zeros(self.low.shape)
        padded = np.append(np.asarray(column, dtype=np.float64), 0.0)
        pairs = np.stack([self.low.ravel(), self.high.ravel()], axis=1).ravel()
        return np.asarray(how.reduceat(padded, pairs)[::2].reshape(self.low.shape))


Number = TypeVar("Number", bound=np.generic)
Function = Callable[[Windows], tuple[Floats, Flags]]


def _increase(windows: Windows) -> tuple[Floats, Flags]:
    return _extrapolated(windows, _risen(windows), counter=True)


def _rate(windows: Windows) -> tuple[Floats, Flags]:
    values, there = _increase(windows)
    return values / (windows.range_ns / 1e9), there


def _delta(windows: Windows) -> tuple[Floats, Flags]:
    cells = windows.cells
    return _extrapolated(windows, windows.last(cells.last) - windows.first(cells.first), counter=False)


def _risen(windows: Windows) -> Floats:
    """Last minus first, plus what was lost each time the counter began anew, inside a cell or between two."""
    cells = windows.cells
    before = np.roll(cells.last, 1)
    between = np.where((cells.first < before) & (np.roll(cells.place, 1) == cells.place), before, 0.0)
    between[:1] = 0.0
    lost = windows.total(cells.extra + between) - windows.first(between)
    return np.asarray(windows.last(cells.last) - windows.first(cells.first) + lost)


def _extrapolated(windows: Windows, change: Floats, *, counter: bool) -> tuple[Floats, Flags]:
    """Prometheus' extrapolatedRate: the change between the outer points, stretched towards the window's edges."""
    cells = windows.cells
    points = windows.total(cells.points)
    first, last = _picked(cells.first_time, windows.low), _picked(cells.last_time, windows.high - 1)
    lead = (first - (windows.times[None, :] - windows.range_ns)) / 1e9
    tail = (windows.times[None, :] - last) / 1e9
    span = (last - first) / 1e9
    with np.errstate(all="ignore"):
        gap = span / (points - 1)
        if counter:
            value = windows.first(cells.first)
            to_zero = np.where((change > 0) & (value >= 0), span * (value / change), np.inf)
            lead = np.minimum(lead, to_zero)
        reach = span + np.where(lead < gap * 1.1, lead, gap / 2) + np.where(tail < gap * 1.1, tail, gap / 2)
        return change * (reach / span), windows.filled & (points >= 2)


def _picked(column: NDArray[Number], rows: Integers) -> NDArray[Number]:
    """What stands in these rows; for a window that has none, anything."""
    padded = np.append(column, column.dtype.type(0))
    return np.asarray(padded[np.clip(rows, 0, len(column))])


def _irate(windows: Windows) -> tuple[Floats, Flags]:
    cells = windows.cells
    there = windows.high - windows.low >= 2
    last, before = windows.high - 1, windows.high - 2
    now, then = _picked(cells.last, last), _picked(cells.last, before)
    gap = (_picked(cells.last_time, last) - _picked(cells.last_time, before)) / 1e9
    with np.errstate(all="ignore"):
        return np.where(now < then, now, now - then) / gap, there


def _idelta(windows: Windows) -> tuple[Floats, Flags]:
    cells = windows.cells
    change = _picked(cells.last, windows.high - 1) - _picked(cells.last, windows.high - 2)
    return change, windows.high - windows.low >= 2


def _steps(differs: Callable[[Floats, Floats], Flags]) -> Function:
    """Counts neighbours in the window that differ in this way."""

    def counted(windows: Windows) -> tuple[Floats, Flags]:
        values = windows.cells.last
        marks = np.asarray(differs(np.roll(values, 1), values), dtype=np.float64)
        return windows.total(marks) - windows.first(marks), windows.filled

    return counted


def _changed(before: Floats, after: Floats) -> Flags:
    return np.asarray((before != after) & ~(np.isnan(before) & np.isnan(after)))


def _average(windows: Windows) -> tuple[Floats, Flags]:
    cells = windows.cells
    with np.errstate(all="ignore"):
        return windows.total(cells.extra) / windows.total(cells.points), windows.filled


@dataclass(frozen=True)
class Kind:
    """A function, what the cells must hold for it (`points`: every point by itself), and whether the name stays."""

    compute: Function
    needs: str | None = None
    keeps_name: bool = False


KINDS: dict[str, Kind] = {
    "rate": Kind(_rate, "drops"),
    "increase": Kind(_increase, "drops"),
    "delta": Kind(_delta),
    "irate": Kind(_irate, "points"),
    "idelta": Kind(_idelta, "points"),
    "changes": Kind(_steps(_changed), "points"),
    "resets": Kind(_steps(lambda before, after: np.asarray(after < before)), "points"),
    "sum_over_time": Kind(lambda windows: (windows.total(windows.cells.extra), windows.filled), "sum"),
    "avg_over_time": Kind(_average, "sum"),
    "min_over_time": Kind(lambda windows: (windows.reduced(np.fmin, windows.cells.extra), windows.filled), "least"),
    "max_over_time": Kind(lambda windows: (windows.reduced(np.fmax, windows.cells.extra), windows.filled), "most"),
    "count_over_time": Kind(lambda windows: (windows.total(windows.cells.points), windows.filled)),
    "last_over_time": Kind(lambda windows: (windows.last(windows.cells.last), windows.filled), keeps_name=True),
    "present_over_time": Kind(lambda windows: (np.ones(windows.low.shape), windows.filled)),
}
