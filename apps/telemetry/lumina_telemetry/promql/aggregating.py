"""sum, avg, min, max, count, group, topk and bottomk over series."""

from collections.abc import Callable

import numpy as np
import promql_parser as parser

from lumina_telemetry.promql.models import (
    NAME,
    Floats,
    Integers,
    Labels,
    Node,
    Vector,
    empty,
    key,
    only,
    without,
)


def aggregated(node: Node, vector: Vector, parameter: Floats | None) -> Vector:
    """The aggregation of `node` over `vector`; `parameter` is the number of topk and bottomk, one for each time."""
    if not vector.labels:
        return empty(vector.values.shape[1])
    groups, labels = _grouped(node.modifier, vector)
    operation = str(node.op)
    if operation in ("topk", "bottomk"):
        assert parameter is not None
        return _extreme(vector, groups, parameter, largest=operation == "topk")
    return _REDUCTIONS[operation](_Groups(vector, groups, labels))


def _grouped(modifier: Node, vector: Vector) -> tuple[Integers, list[Labels]]:
    """The number of each row's group, and the labels of the groups."""
    keep = _keeper(modifier)
    known: dict[tuple[tuple[str, str], ...], int] = {}
    groups = np.array([known.setdefault(key(keep(labels)), len(known)) for labels in vector.labels], dtype=np.int64)
    return groups, [dict(each) for each in known]


def _keeper(modifier: Node) -> Callable[[Labels], dict[str, str]]:
    if modifier is None:
        return lambda _labels: {}
    names = frozenset(modifier.labels)
    if modifier.type == parser.AggModifierType.By:
        return lambda labels: only(labels, names)
    return lambda labels: without(labels, names | {NAME})


class _Groups:
    """Rows sorted by group, so that each group is one stretch."""

    def __init__(self, vector: Vector, groups: Integers, labels: list[Labels]) -> None:
        order = np.argsort(groups, kind="stable")
        self._starts = np.searchsorted(groups[order], np.arange(len(labels)))
        self.values = vector.values[order]
        self.there = vector.there[order]
        self.labels = labels
        self.counts = np.add.reduceat(self.there.astype(np.float64), self._starts, axis=0)

    def reduced(self, how: np.ufunc, absent: float) -> Floats:
        with np.errstate(all="ignore"):
            return np.asarray(how.reduceat(np.where(self.there, self.values, absent), self._starts, axis=0))

    def answer(self, values: Floats) -> Vector:
        return Vector(self.labels, values, self.counts > 0)


def _average(groups: _Groups) -> Vector:
    with np.errstate(all="ignore"):
        return groups.answer(groups.reduced(np.add, 0.0) / groups.counts)


# fmin and fmax leave NaN out unless there is nothing else, as Prometheus does.
_REDUCTIONS: dict[str, Callable[[_Groups], Vector]] = {
    "sum": lambda groups: groups.answer(groups.reduced(np.add, 0.0)),
    "avg": _average,
    "min": lambda groups: groups.answer(groups.reduced(np.fmin, np.nan)),
    "max": lambda groups: groups.answer(groups.reduced(np.fmax, np.nan)),
    "count": lambda groups: groups.answer(groups.counts),
    "group": lambda groups: groups.answer(np.ones_like(groups.counts)),
}


def _extreme(vector: Vector, groups: Integers, parameter: Floats, *, largest: bool) -> Vector:
    """The k largest or smallest of each group at each time; NaN comes last. An instant's answer is in that order."""
    rank = -vector.values if largest else vector.values
    kept = np.zeros_like(vector.there)
    columns = vector.values.shape[1]
    for column in range(columns):
        order = _order(vector, rank, groups, column)
        place = np.arange(len(order)) - np.searchsorted(groups[order], groups[order])
        kept[order[place < np.trunc(parameter[column])], column] = True
    rows = _order(vector, rank, np.zeros_like(groups), 0) if columns == 1 else np.arange(len(groups))
    rows = rows[kept[rows].any(axis=1)]
    return Vector([vector.labels[row] for row in rows], vector.values[rows], kept[rows], ordered=True)


def _order(vector: Vector, rank: Floats, groups: Integers, column: int) -> Integers:
    present = np.flatnonzero(vector.there[:, column])
    return np.asarray(present[np.lexsort((rank[present, column], groups[present]))])
