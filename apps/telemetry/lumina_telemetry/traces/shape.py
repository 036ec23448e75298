"""The shape of a trace: which span is under which, whatever order, gaps, circles and wrong clocks they came with."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice


@dataclass(frozen=True)
class Twig:
    """One stored span, without what it tells. `parent` is 0 for a root, `ahead_ns` how long after it came it began."""

    row: int
    span: int
    parent: int
    start_ns: int
    duration_ns: int
    failed: bool
    service: str
    ahead_ns: int = 0

    @property
    def end_ns(self) -> int:
        return self.start_ns + self.duration_ns


@dataclass(frozen=True)
class Placed:
    """A span where it stands."""

    twig: Twig
    depth: int
    children: int
    orphan: bool
    cycle: bool
    early_ns: int
    duplicates: int


@dataclass
class Shape:
    """All spans of a trace. Of those with one id the one that ended last counts, the others are duplicates."""

    twigs: dict[int, Twig] = field(default_factory=dict)
    duplicates: dict[int, int] = field(default_factory=dict)
    cycles: set[int] = field(default_factory=set)
    children: dict[int, list[Twig]] = field(default_factory=lambda: defaultdict(list))

    def ordered(self, top: int | None = None, depth: int | None = None, skip: int = 0) -> Iterator[Placed]:
        """Depth first, siblings by their start; only under `top`, only so deep, and without the first `skip`."""
        return (self._placed(twig, level) for twig, level in islice(self._walk(top, depth), skip, None))

    def _walk(self, top: int | None, depth: int | None) -> Iterator[tuple[Twig, int]]:
        tops = [self.twigs[top]] if top is not None else self._tops()
        ahead = [(twig, 0) for twig in reversed(tops)]
        while ahead:
            twig, level = ahead.pop()
            yield twig, level
            if depth is None or level < depth:
                ahead += [(child, level + 1) for child in reversed(self._under(twig))]

    @property
    def orphans(self) -> int:
        return sum(self._is_orphan(twig) for twig in self.twigs.values())

    @property
    def early(self) -> int:
        return sum(self._early_ns(twig) > 0 for twig in self.twigs.values())

    @property
    def ahead(self) -> int:
        return sum(twig.ahead_ns > 0 for twig in self.twigs.values())

    def _tops(self) -> list[Twig]:
        tops = [twig for twig in self.twigs.values() if twig.parent not in self.twigs or twig.span in self.cycles]
        return sorted(tops, key=_by_start)

    def _under(self, twig: Twig) -> list[Twig]:
        return [child for child in self.children.get(twig.span, ()) if child.span not in self.cycles]

    def _placed(self, twig: Twig, depth: int) -> Placed:
        return Placed(
            twig=twig,
            depth=depth,
            children=len(self._under(twig)),
            orphan=self._is_orphan(twig),
            cycle=twig.span in self.cycles,
            early_ns=self._early_ns(twig),
            duplicates=self.duplicates.get(twig.span, 0),
        )

    def _is_orphan(self, twig: Twig) -> bool:
        return twig.parent != 0 and twig.parent not in self.twigs

    def _early_ns(self, twig: Twig) -> int:
        parent = self.twigs.get(twig.parent)
        return max(0, parent.start_ns - twig.start_ns) if parent else 0


def shape_of(twigs: Iterable[Twig]) -> Shape:
    """The shape that stored spans have."""
    shape = Shape()
    for twig in twigs:
        other = shape.twigs.get(twig.span)
        if other is not None:
            shape.duplicates[twig.span] = shape.duplicates.get(twig.span, 0) + 1
        if other is None or other.end_ns < twig.end_ns:
            shape.twigs[twig.span] = twig
    for twig in sorted(shape.twigs.values(), key=_by_start):
        shape.children[twig.parent].append(twig)
    _cut_circles(shape)
    return shape


def _cut_circles(shape: Shape) -> None:
    """What no root leads to hangs in a circle: the earliest span of each circle is made a root."""
    safe: set[int] = set()
    for twig in sorted(shape.twigs.values(), key=_by_start):
        path: list[int] = []
        on_path: set[int] = set()
        at = twig.span
        while at in shape.twigs and at not in safe and at not in on_path:
            path.append(at)
            on_path.add(at)
            at = shape.twigs[at].parent
        if at in on_path:
            circle = path[path.index(at) :]
            shape.cycles.add(min(circle, key=lambda span: _by_start(shape.twigs[span])))
        safe.update(path)


def _by_start(twig: Twig) -> tuple[int, int]:
    return twig.start_ns, twig.span
