"""Walks a tree and computes it over all times of a grid at once."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import promql_parser as parser

from lumina_telemetry.errors import BadQuery, QueryTooSlow
from lumina_telemetry.promql import matching, windows
from lumina_telemetry.promql.aggregating import aggregated
from lumina_telemetry.promql.matching import Operator, merged
from lumina_telemetry.promql.models import NAME, Floats, Grid, Node, Value, Vector, without
from lumina_telemetry.promql.pointwise import POINTWISE, clamped, rounded
from lumina_telemetry.promql.quantiles import histogram_quantile
from lumina_telemetry.promql.reading import LOOKBACK_NS, Cells, Cuts, Reader
from lumina_telemetry.promql.selection import Selected, Selector
from lumina_telemetry.rows import STALE

_NAME = frozenset({NAME})


@dataclass(frozen=True)
class Limits:
    """`samples`: values that one step of the evaluation may hold; `deadline`: by time.monotonic()."""

    samples: int
    deadline: float


@dataclass(frozen=True)
class Evaluation:
    """One evaluation, in a thread that may read the store."""

    selector: Selector
    reader: Reader
    grid: Grid
    limits: Limits

    def value(self, node: Node) -> Value:
        """What the node comes to. Raises QueryTooSlow past the deadline."""
        if time.monotonic() > self.limits.deadline:
            raise QueryTooSlow("The expression took too long.", next_step="Ask for a shorter time or fewer series.")
        return _NODES[type(node)](self, node)

    def vector(self, node: Node) -> Vector:
        value = self.value(node)
        if not isinstance(value, Vector):
            raise BadQuery(f"{node} is no vector.")
        return value

    def scalar(self, node: Node) -> Floats:
        value = self.value(node)
        if not isinstance(value, np.ndarray):
            raise BadQuery(f"{node} is no number.")
        return value

    def selection(self, node: Node) -> Vector:
        """The latest point of each series at each time, no older than five minutes and not stale."""
        selected = self._selected(node)
        grid = self._shifted(node.offset)
        return _latest(self.reader.latest(selected, grid), selected, grid)

    def windowed(self, node: Node) -> Vector:
        """A function over a range of time."""
        kind = windows.KINDS[node.func.name]
        matrix = _bare(node.args[0])
        selected = self._selected(matrix.vector_selector)
        cuts = Cuts(self._shifted(matrix.vector_selector.offset), _nanoseconds(matrix.range))
        if kind.needs == "points":
            cells = self.reader.points(selected, cuts)
        else:
            cells = self.reader.windows(selected, cuts, kind.needs)
        values, there = kind.compute(windows.Windows.over(cells, len(selected.labels), cuts))
        labels = selected.labels if kind.keeps_name else [without(each, _NAME) for each in selected.labels]
        return merged(Vector(labels, values, there))

    def _selected(self, node: Node) -> Selected:
        selected = self.selector.select(node)
        if len(selected.labels) * self.grid.count > self.limits.samples:
            raise BadQuery(
                f"{len(selected.labels)} series at {self.grid.count} times are more than {self.limits.samples} values.",
                next_step="Ask for a shorter time, a longer step, or fewer series.",
            )
        return selected

    def _shifted(self, offset: timedelta | None) -> Grid:
        back = 0 if offset is None else _nanoseconds(offset)
        return Grid(self.grid.start_ns - back, self.grid.step_ns, self.grid.count)

    def binary(self, node: Node) -> Value:
        name, modifier = str(node.op), node.modifier
        operator = Operator(name, modifier is not None and modifier.return_bool, modifier)
        left, right = self.value(node.lhs), self.value(node.rhs)
        if isinstance(left, Vector) and isinstance(right, Vector):
            if name in matching.SETS:
                return matching.sets(operator, left, right)
            return matching.vectors(operator, left, right, self.limits.samples)
        if isinstance(left, Vector):
            return merged(matching.with_scalar(operator, left, _number(right), swapped=False))
        if isinstance(right, Vector):
            return merged(matching.with_scalar(operator, right, _number(left), swapped=True))
        return matching.scalars(operator, _number(left), _number(right))

    def negated(self, node: Node) -> Value:
        value = self.value(node.expr)
        if isinstance(value, Vector):
            return merged(Vector([without(each, _NAME) for each in value.labels], -value.values, value.there))
        return -_number(value)

    def aggregation(self, node: Node) -> Vector:
        parameter = None if node.param is None else self.scalar(node.param)
        return aggregated(node, self.vector(node.expr), parameter)

    def call(self, node: Node) -> Value:
        name = node.func.name
        if name in windows.KINDS:
            return self.windowed(node)
        if name in POINTWISE:
            return self._nameless(POINTWISE[name], self.vector(node.args[0]))
        return _CALLS[name](self, node)

    def clamp(self, node: Node) -> Vector:
        vector = self.vector(node.args[0])
        limits = [self.scalar(argument) for argument in node.args[1:]]
        return clamped(node.func.name, self._nameless(np.asarray, vector), limits)

    def round(self, node: Node) -> Vector:
        nearest = self.scalar(node.args[1]) if len(node.args) > 1 else np.ones(self.grid.count)
        return self._nameless(lambda values: rounded(values, nearest), self.vector(node.args[0]))

    def quantile(self, node: Node) -> Vector:
        return histogram_quantile(self.scalar(node.args[0]), self.vector(node.args[1]))

    def absent(self, node: Node) -> Vector:
        """1 where nothing is, with the labels that the selector asks for by equality."""
        there = np.logical_not(self.vector(node.args[0]).there.any(axis=0)).reshape(1, -1)
        selector, labels = _bare(node.args[0]), dict[str, str]()
        if isinstance(selector, parser.VectorSelector):
            equal = [matcher for matcher in self.selector.matchers(selector) if matcher.label != NAME]
            names = [matcher.label for matcher in equal]
            labels = {each.label: each.equal_to for each in equal if each.equal_to and names.count(each.label) == 1}
        return Vector([labels], np.ones((1, self.grid.count)), there)

    def scalar_of(self, node: Node) -> Floats:
        vector = self.vector(node.args[0])
        alone = vector.there.sum(axis=0) == 1
        return np.where(alone, np.where(vector.there, vector.values, 0.0).sum(axis=0), np.nan)

    def vector_of(self, node: Node) -> Vector:
        return Vector([{}], self.scalar(node.args[0])[None, :], np.ones((1, self.grid.count), dtype=bool))

    def times(self, _node: Node) -> Floats:
        return self.grid.times // 10**6 / 1000

    def number(self, node: Node) -> Floats:
        return np.full(self.grid.count, float(node.val))

    def _nameless(self, compute: Callable[[Floats], Floats], vector: Vector) -> Vector:
        with np.errstate(all="ignore"):
            values = compute(vector.values)
        return merged(Vector([without(each, _NAME) for each in vector.labels], values, vector.there))


def _latest(cells: Cells, selected: Selected, grid: Grid) -> Vector:
    rows = np.full((len(selected.labels), grid.count), -1, dtype=np.int64)
    rows[cells.place, cells.cell] = np.arange(len(cells.place))
    rows = np.maximum.accumulate(rows, axis=1)
    found = rows >= 0
    picked = np.maximum(rows, 0)
    if not len(cells.place):
        return Vector(selected.labels, np.zeros(rows.shape), found)
    values, ages = cells.last[picked], grid.times[None, :] - cells.last_time[picked]
    return Vector(selected.labels, values, found & (ages <= LOOKBACK_NS) & (values != STALE))


def _number(value: Value) -> Floats:
    if not isinstance(value, np.ndarray):
        raise BadQuery(f"{value!r} is no number.")
    return value


def _bare(node: Node) -> Node:
    while isinstance(node, parser.ParenExpr):
        node = node.expr
    return node


def _nanoseconds(duration: timedelta) -> int:
    return duration // timedelta(microseconds=1) * 1000


_NODES: dict[type, Callable[[Evaluation, Node], Value]] = {
    parser.NumberLiteral: Evaluation.number,
    parser.StringLiteral: lambda _evaluation, node: str(node.val),
    parser.ParenExpr: lambda evaluation, node: evaluation.value(node.expr),
    parser.VectorSelector: Evaluation.selection,
    parser.UnaryExpr: Evaluation.negated,
    parser.BinaryExpr: Evaluation.binary,
    parser.AggregateExpr: Evaluation.aggregation,
    parser.Call: Evaluation.call,
}
_CALLS: dict[str, Callable[[Evaluation, Node], Value]] = {
    "histogram_quantile": Evaluation.quantile,
    "absent": Evaluation.absent,
    "vector": Evaluation.vector_of,
    "scalar": Evaluation.scalar_of,
    "time": Evaluation.times,
    "round": Evaluation.round,
    "clamp": Evaluation.clamp,
    "clamp_min": Evaluation.clamp,
    "clamp_max": Evaluation.clamp,
}
