"""Which stored series a selector means.

A histogram is stored once and read as `_bucket`, `_sum` and `_count`, as if each bucket had a series of its own.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

import msgspec
import promql_parser as parser
from duckdb import DuckDBPyConnection, InvalidInputException
from prometheus_client.utils import floatToGoString

from lumina_telemetry import visibility
from lumina_telemetry.errors import BadQuery
from lumina_telemetry.promql.errors import UnsupportedPromql
from lumina_telemetry.promql.models import NAME, Labels, Node, key
from lumina_telemetry.visibility import Visible

HISTOGRAM = "histogram"
SUM, COUNT = -1, -2
"""Stand where a number of buckets is meant: the sum, the count of a point."""

_PORTION = 4096
_MATCHING = "SELECT value FROM (SELECT unnest(?::VARCHAR[]) AS value) WHERE regexp_full_match(value, ?)"
_LABELS = msgspec.json.Decoder(dict[str, str])


@dataclass(frozen=True)
class Matcher:
    """One condition on a label. `accepted` tells which of some values it takes; an absent label has the empty text."""

    label: str
    accepted: Callable[[set[str]], set[str]]
    equal_to: str | None = None


@dataclass(frozen=True)
class Origin:
    """Where the points of a series are: the stored series, and for a histogram which part of each point.

    `part` 0 is a plain number, n > 0 the sum of the first n buckets.
    """

    series: int
    part: int


Candidate = tuple[dict[str, str], Origin]


@dataclass(frozen=True)
class Selected:
    """Series by their labels; more than one stored series may lie behind the same labels, one after another."""

    labels: list[Labels]
    origins: list[list[Origin]]


@dataclass(frozen=True)
class Selector:
    """Finds series among those that may be seen."""

    connection: DuckDBPyConnection
    visible: Visible
    most: int

    def select(self, node: Node) -> Selected:
        """The series of a selector. Raises BadQuery when there are too many."""
        matchers = list(self.matchers(node))
        found: dict[tuple[tuple[str, str], ...], list[Origin]] = {}
        for portion in _portions(self._candidates(matchers)):
            for labels, origin in _accepted(matchers, portion):
                found.setdefault(key(labels), []).append(origin)
            self._bound(len(found))
        return Selected([dict(each) for each in found], list(found.values()))

    def matchers(self, node: Node) -> Iterator[Matcher]:
        if node.name is not None:
            yield equal(NAME, node.name)
        for matcher in node.matchers.matchers:
            yield self._matcher(matcher)

    def _candidates(self, matchers: Sequence[Matcher]) -> Iterator[Candidate]:
        for row in self._rows(matchers):
            series, name, kind, labels, bounds = row
            if kind == HISTOGRAM:
                yield from _parts(series, name, _LABELS.decode(labels), bounds)
            else:
                yield {**_LABELS.decode(labels), NAME: name}, Origin(series, 0)

    def _rows(self, matchers: Sequence[Matcher]) -> list[Any]:
        conditions, parameters = ["TRUE"], list[Any]()
        if self.visible is not None:
            conditions.append(visibility.SQL)
            parameters.append(list(self.visible))
        names = next((matcher.equal_to for matcher in matchers if matcher.label == NAME and matcher.equal_to), None)
        if names is not None:
            conditions.append("name IN (SELECT unnest(?))")
            parameters.append(list(_stored_names(names)))
        # Every flush may write a series again, so one id can have several rows, all of them equal.
        sql = f"SELECT DISTINCT ON (id) id, name, kind, labels, bounds FROM series WHERE {' AND '.join(conditions)}"  # nosec B608
        return self.connection.execute(sql, parameters).fetchall()

    def _matcher(self, matcher: Node) -> Matcher:
        if matcher.op == parser.MatchOp.Equal:
            return equal(matcher.name, matcher.value)
        if matcher.op == parser.MatchOp.NotEqual:
            unwanted = matcher.value
            return Matcher(matcher.name, lambda values: values - {unwanted})
        matching = partial(self._matching, matcher.value)
        if matcher.op == parser.MatchOp.Re:
            return Matcher(matcher.name, matching)
        return Matcher(matcher.name, lambda values: values - matching(values))

    def _matching(self, pattern: str, values: set[str]) -> set[str]:
        """The database matches: its expressions are RE2, as Prometheus has them, and never take exponential time."""
        try:
            return {value for (value,) in self.connection.execute(_MATCHING, [list(values), pattern]).fetchall()}
        except InvalidInputException as error:
            raise UnsupportedPromql(
                f"{pattern[:200]!r} is no regular expression: {str(error)[:200]}.", next_step="Write it as RE2 has it."
            ) from None

    def _bound(self, count: int) -> None:
        if count > self.most:
            raise BadQuery(
                f"The selector means more than {self.most} series.", next_step="Name more labels in the selector."
            )


def equal(label: str, wanted: str) -> Matcher:
    return Matcher(label, lambda values: values & {wanted}, wanted)


def _portions(candidates: Iterator[Candidate]) -> Iterator[list[Candidate]]:
    while portion := list(islice(candidates, _PORTION)):
        yield portion


def _accepted(matchers: Sequence[Matcher], candidates: list[Candidate]) -> list[Candidate]:
    for matcher in matchers:
        values = matcher.accepted({labels.get(matcher.label, "") for labels, _ in candidates})
        candidates = [each for each in candidates if each[0].get(matcher.label, "") in values]
    return candidates


def bound_text(bound: float) -> str:
    """A bucket's bound as /metrics shows it."""
    return str(floatToGoString(bound))  # type: ignore[no-untyped-call]  # the library has no types here


def _stored_names(name: str) -> Iterator[str]:
    yield name
    for suffix in ("_bucket", "_sum", "_count"):
        if name.endswith(suffix):
            yield name.removesuffix(suffix)


def _parts(series: int, name: str, labels: dict[str, str], bounds: Iterable[float]) -> Iterator[Candidate]:
    yield {**labels, NAME: f"{name}_sum"}, Origin(series, SUM)
    yield {**labels, NAME: f"{name}_count"}, Origin(series, COUNT)
    for place, bound in enumerate((*bounds, float("inf")), start=1):
        yield {**labels, NAME: f"{name}_bucket", "le": bound_text(bound)}, Origin(series, place)
