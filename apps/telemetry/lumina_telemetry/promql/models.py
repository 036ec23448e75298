"""What expressions are evaluated over, and what comes out. Times are nanoseconds since 1970."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Labels = Mapping[str, str]
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]
NAME = "__name__"


@dataclass(frozen=True)
class Sample:
    """One series at one time."""

    labels: Labels
    value: float


@dataclass(frozen=True)
class Curve:
    """One series over time: `times` in nanoseconds, one value each."""

    labels: Labels
    times: list[int]
    values: list[float]


@dataclass(frozen=True)
class Grid:
    """The times that an expression is evaluated at: `count` of them, from `start_ns`, `step_ns` apart."""

    start_ns: int
    step_ns: int
    count: int

    @property
    def times(self) -> Integers:
        return self.start_ns + np.arange(self.count, dtype=np.int64) * self.step_ns


@dataclass(frozen=True)
class Vector:
    """Series by time: `values` and `there` have a row for each of `labels` and a column for each time of the grid.

    `there` tells an absent value from NaN. `ordered`: the order of the series is meant (topk).
    """

    labels: Sequence[Labels]
    values: Floats
    there: Flags
    ordered: bool = False

    def taking(self, rows: Sequence[int] | Integers) -> "Vector":
        """Only these rows."""
        picked = np.asarray(rows, dtype=np.int64)
        return Vector([self.labels[row] for row in picked], self.values[picked], self.there[picked])


def empty(count: int) -> Vector:
    """No series."""
    return Vector([], np.zeros((0, count)), np.zeros((0, count), dtype=bool))


def key(labels: Labels) -> tuple[tuple[str, str], ...]:
    """The labels as something to look up by."""
    return tuple(sorted(labels.items()))


def without(labels: Labels, names: frozenset[str]) -> dict[str, str]:
    return {name: value for name, value in labels.items() if name not in names}


def only(labels: Labels, names: frozenset[str]) -> dict[str, str]:
    return {name: value for name, value in labels.items() if name in names}


Value = Vector | Floats | str
"""What a node evaluates to: series, one number for each time, or a text."""

Node = Any
"""A node of the parser's tree; its Python types know no common class with fields."""
