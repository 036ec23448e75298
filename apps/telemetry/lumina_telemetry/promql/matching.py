"""Operators: which series meet, and what comes of them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from types import MappingProxyType
from typing import Any

import numpy as np
import promql_parser as parser

from lumina_telemetry.errors import BadQuery
from lumina_telemetry.promql.errors import AmbiguousMatch
from lumina_telemetry.promql.models import NAME, Flags, Floats, Labels, Node, Vector, empty, key, only, without

Operation = Callable[[Any, Any], Any]
Key = tuple[tuple[str, str], ...]

ARITHMETIC: Mapping[str, Operation] = MappingProxyType(
    {"+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide, "%": np.fmod, "^": np.power}
)
COMPARISONS: Mapping[str, Operation] = MappingProxyType(
    {
        "==": np.equal,
        "!=": np.not_equal,
        ">": np.greater,
        "<": np.less,
        ">=": np.greater_equal,
        "<=": np.less_equal,
    }
)
SETS = frozenset({"and", "or", "unless"})


@dataclass(frozen=True)
class Operator:
    """One binary operator with its modifiers, as the tree has them."""

    name: str
    returns_bool: bool
    modifier: Node

    @property
    def filters(self) -> bool:
        return self.name in COMPARISONS and not self.returns_bool

    @property
    def drops_name(self) -> bool:
        return not self.filters

    def compute(self, left: Floats, right: Floats) -> tuple[Floats, Flags]:
        """The values, and where a comparison holds."""
        with np.errstate(all="ignore"):
            if self.name in ARITHMETIC:
                values = np.asarray(ARITHMETIC[self.name](left, right), dtype=np.float64)
                return values, np.ones(values.shape, dtype=bool)
            holds = np.asarray(COMPARISONS[self.name](left, right))
        if self.returns_bool:
            return holds.astype(np.float64), np.ones(holds.shape, dtype=bool)
        return np.broadcast_to(left, holds.shape), holds

    def signature(self, labels: Labels) -> Key:
        """What must be equal for two series to meet."""
        matching = None if self.modifier is None else self.modifier.matching
        if matching is None:
            return key(without(labels, frozenset({NAME})))
        names = frozenset(matching.labels)
        if matching.type == parser.LabelModifierType.Include:
            return key(only(labels, names))
        return key(without(labels, names | {NAME}))

    @property
    def cardinality(self) -> Node:
        return parser.VectorMatchCardinality.OneToOne if self.modifier is None else self.modifier.card


def scalars(operator: Operator, left: Floats, right: Floats) -> Floats:
    return operator.compute(left, right)[0]


def with_scalar(operator: Operator, vector: Vector, scalar: Floats, *, swapped: bool) -> Vector:
    """A vector and a number. `swapped`: the number stands on the left."""
    sides = (scalar[None, :], vector.values) if swapped else (vector.values, scalar[None, :])
    values, holds = operator.compute(*sides)
    if operator.filters:
        return Vector(vector.labels, vector.values, vector.there & holds)
    return Vector([without(each, frozenset({NAME})) for each in vector.labels], values, vector.there & holds)


def sets(operator: Operator, left: Vector, right: Vector) -> Vector:
    """and, or, unless: at each time by itself."""
    found: dict[Key, Flags] = {}
    for labels, there in zip(right.labels, right.there, strict=True):
        signature = operator.signature(labels)
        found[signature] = found[signature] | there if signature in found else there
    if operator.name == "or":
        return _either(operator, left, right)
    none = np.zeros(left.values.shape[1], dtype=bool)
    met = np.array([found.get(operator.signature(labels), none) for labels in left.labels], dtype=bool)
    met = met.reshape(left.there.shape)
    return Vector(left.labels, left.values, left.there & (met if operator.name == "and" else ~met))


def _either(operator: Operator, left: Vector, right: Vector) -> Vector:
    taken: dict[Key, Flags] = {}
    for labels, there in zip(left.labels, left.there, strict=True):
        signature = operator.signature(labels)
        taken[signature] = taken[signature] | there if signature in taken else there
    none = np.zeros(left.values.shape[1], dtype=bool)
    free = [
        there & ~taken.get(operator.signature(labels), none)
        for labels, there in zip(right.labels, right.there, strict=True)
    ]
    there = np.vstack([left.there, np.array(free, dtype=bool).reshape(right.there.shape)])
    both = Vector([*left.labels, *right.labels], np.vstack([left.values, right.values]), there)
    return merged(both.taking(np.flatnonzero(there.any(axis=1))))


def vectors(operator: Operator, left: Vector, right: Vector, most: int) -> Vector:
    """Each series of the "many" side with the one it meets on the other; one to one is the same without repeats.

    Raises BadQuery where more than `most` values would come of it.
    """
    cards = parser.VectorMatchCardinality
    swapped = operator.cardinality == cards.OneToMany
    many, one = (right, left) if swapped else (left, right)
    ones = _by_signature(operator, one, "left" if swapped else "right")
    columns = left.values.shape[1]
    pairs = list(islice(_pairs(operator, many, one, ones), most // columns + 1))
    if len(pairs) * columns > most:
        raise BadQuery(
            f"{operator.name} between series comes to more than {most} values.",
            next_step="Ask for a shorter time, a longer step, or fewer series.",
        )
    if not pairs:
        return empty(columns)
    many, one = many.taking([row for row, _ in pairs]), one.taking([other for _, other in pairs])
    values, holds = operator.compute(*((one.values, many.values) if swapped else (many.values, one.values)))
    there = many.there & one.there
    if operator.cardinality == cards.OneToOne:
        _refuse_repeats([operator.signature(labels) for labels in many.labels], there)
    labels = [_result(operator, *each) for each in zip(many.labels, one.labels, strict=True)]
    # A filter keeps the value of the left side, whichever that is.
    return merged(Vector(labels, values, there & holds))


def _pairs(operator: Operator, many: Vector, one: Vector, ones: Mapping[Key, list[int]]) -> Iterator[tuple[int, int]]:
    for row, labels in enumerate(many.labels):
        for other in ones.get(operator.signature(labels), ()):
            if (many.there[row] & one.there[other]).any():
                yield row, other


def _by_signature(operator: Operator, one: Vector, side: str) -> dict[Key, list[int]]:
    found: dict[Key, list[int]] = {}
    for row, labels in enumerate(one.labels):
        found.setdefault(operator.signature(labels), []).append(row)
    for rows in found.values():
        if len(rows) > 1 and (one.there[rows].sum(axis=0) > 1).any():
            shared = dict(operator.signature(one.labels[rows[0]]))
            raise AmbiguousMatch(
                f"More than one series on the {side} side has the labels {shared}.",
                next_step="Name more labels in on(...), or aggregate that side first.",
            )
    return found


def _refuse_repeats(signatures: list[Key], there: Flags) -> None:
    seen: dict[Key, Flags] = {}
    for signature, present in zip(signatures, there, strict=True):
        if signature in seen and (seen[signature] & present).any():
            raise AmbiguousMatch(
                f"More than one series on the left side has the labels {dict(signature)}.",
                next_step="Say group_left or group_right if many may meet one.",
            )
        seen[signature] = seen[signature] | present if signature in seen else present


def _result(operator: Operator, many: Labels, one: Labels) -> dict[str, str]:
    labels = without(many, frozenset({NAME})) if operator.drops_name else dict(many)
    if operator.cardinality == parser.VectorMatchCardinality.OneToOne:
        matching = None if operator.modifier is None else operator.modifier.matching
        if matching is not None and matching.type == parser.LabelModifierType.Include:
            return only(labels, frozenset(matching.labels))
        return labels if matching is None else without(labels, frozenset(matching.labels))
    for name in operator.modifier.group_labels or ():
        labels.pop(name, None)
        if value := one.get(name):
            labels[name] = value
    return labels


def merged(vector: Vector) -> Vector:
    """Rows of equal labels made one. Raises AmbiguousMatch where two are there at the same time."""
    rows: dict[Key, list[int]] = {}
    for row, labels in enumerate(vector.labels):
        rows.setdefault(key(labels), []).append(row)
    if len(rows) == len(vector.labels):
        return vector
    return Vector([dict(each) for each in rows], *_joined(vector, list(rows.values())))


def _joined(vector: Vector, groups: list[list[int]]) -> tuple[Floats, Flags]:
    values, there = [], []
    for rows in groups:
        present = vector.there[rows]
        if (present.sum(axis=0) > 1).any():
            raise AmbiguousMatch(
                f"Two series come out with the same labels {dict(vector.labels[rows[0]])}.",
                next_step="Aggregate them, or name one metric.",
            )
        values.append(np.where(present, vector.values[rows], 0.0).sum(axis=0))
        there.append(present.any(axis=0))
    return np.array(values), np.array(there)
