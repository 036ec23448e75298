"""The series that points belong to: remembered, so that few points cost more than a look-up."""

from dataclasses import dataclass, field, replace
from hashlib import blake2b

import msgspec

from lumina_telemetry.rows import SeriesRow, owner

FORGOTTEN_NS = 3600 * 10**9
"""A series without points for so long makes room for others."""
OWN_SERIES = 100_000
"""Lumina's own are few; this is for a fault of ours."""
_SWEEP_NS = 60 * 10**9
_AHEAD_NS = 300 * 10**9
"""A clock may be so far ahead; one that was further may be set right, and what then comes must count."""


@dataclass(frozen=True)
class Identity:
    """What tells one series from another, but for the buckets."""

    name: str
    otel_name: str
    kind: str
    unit: str
    description: str
    labels: tuple[tuple[str, str], ...]
    project: str | None

    @property
    def owner(self) -> str | None:
        """The project that answers for it, or None: Lumina."""
        return owner(self.name, self.project)

    def called(self, suffix: str) -> "Identity":
        """The same under a longer name."""
        return replace(self, name=self.name + suffix)

    def labelled(self, name: str, value: str) -> "Identity":
        """The same with one more label."""
        return replace(self, labels=tuple(sorted((*self.labels, (name, value)))))


@dataclass
class Series:
    """One series, and for those that send changes only, what they come to since they are known.

    `time_ns` is that of the last change, by which one that is sent again is known.
    """

    row: SeriesRow
    seen_ns: int
    time_ns: int = 0
    value: float = 0.0
    count: int = 0
    buckets: list[int] = field(default_factory=list)

    def advances(self, time_ns: int, now_ns: int) -> bool:
        """Note the time of a change. False: it came before; by OpenTelemetry's rule a series has one writer."""
        if time_ns <= self.time_ns:
            return False
        self.time_ns = min(time_ns, now_ns + _AHEAD_NS)
        return True


class Directory:
    """All series that are alive: of each project at most `most`, of all projects `together`; Lumina's own are apart."""

    def __init__(self, most: int, together: int) -> None:
        self._most, self._together = most, together
        self._series: dict[str | None, dict[Identity, Series]] = {}
        self._swept_ns = 0

    def known(self, identity: Identity) -> Series | None:
        """The series, if it has had a point."""
        return self._series.get(identity.owner, {}).get(identity)

    def get(self, identity: Identity, bounds: tuple[float, ...], now_ns: int, zero_ns: int = 0) -> Series | None:
        """The series, made where it is new, with the time when it was 0. None: there are too many."""
        series = self.known(identity)
        if series is not None and series.row.bounds == bounds:
            series.seen_ns = now_ns
            return series
        if series is None and not self._has_room(identity.owner, now_ns):
            return None
        series = Series(_row(identity, bounds, zero_ns), now_ns)
        self._series.setdefault(identity.owner, {})[identity] = series
        return series

    def limit(self, owner: str | None) -> str:
        """Which limit a new series of this owner meets, in words."""
        if owner is None:
            return f"{OWN_SERIES} of Lumina itself"
        if len(self._series.get(owner, {})) >= self._most:
            return f"{self._most} of a project (telemetry.series)"
        return f"{self._together} of all projects together (telemetry.series_together)"

    def _has_room(self, owner: str | None, now_ns: int) -> bool:
        if self._full(owner) and now_ns - self._swept_ns > _SWEEP_NS:
            self._swept_ns = now_ns
            alive = {owner: _alive(series, now_ns) for owner, series in self._series.items()}
            self._series = {owner: series for owner, series in alive.items() if series}
        return not self._full(owner)

    def _full(self, owner: str | None) -> bool:
        own = len(self._series.get(owner, {}))
        if owner is None:
            return own >= OWN_SERIES
        outside = sum(len(series) for project, series in self._series.items() if project is not None)
        return own >= self._most or outside >= self._together


def _alive(series: dict[Identity, Series], now_ns: int) -> dict[Identity, Series]:
    return {identity: each for identity, each in series.items() if now_ns - each.seen_ns <= FORGOTTEN_NS}


def _row(identity: Identity, bounds: tuple[float, ...], zero_ns: int) -> SeriesRow:
    encoded = msgspec.json.encode((identity, bounds))
    return SeriesRow(
        id=int.from_bytes(blake2b(encoded, digest_size=8).digest()),
        name=identity.name,
        otel_name=identity.otel_name,
        kind=identity.kind,
        unit=identity.unit,
        description=identity.description,
        labels=msgspec.json.encode(dict(identity.labels)).decode(),
        project=identity.project,
        bounds=bounds,
        zero_ns=zero_ns,
    )
