"""The series that points belong to: remembered, so that few points cost more than a look-up."""

from dataclasses import dataclass, field, replace
from hashlib import blake2b

import msgspec

from lumina_telemetry.rows import SeriesRow

FORGOTTEN_NS = 3600 * 10**9
"""A series without points for so long makes room for others."""
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
    """All series that are alive, `most` of them."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._series: dict[Identity, Series] = {}
        self._swept_ns = 0

    def __len__(self) -> int:
        return len(self._series)

    def known(self, identity: Identity) -> Series | None:
        """The series, if it has had a point."""
        return self._series.get(identity)

    def get(self, identity: Identity, bounds: tuple[float, ...], now_ns: int) -> Series | None:
        """The series, made where it is new. None: there are too many."""
        series = self._series.get(identity)
        if series is not None and series.row.bounds == bounds:
            series.seen_ns = now_ns
            return series
        if series is None and not self._has_room(now_ns):
            return None
        series = Series(_row(identity, bounds), now_ns)
        self._series[identity] = series
        return series

    def _has_room(self, now_ns: int) -> bool:
        if len(self._series) >= self._most and now_ns - self._swept_ns > _SWEEP_NS:
            self._swept_ns = now_ns
            self._series = {
                identity: series for identity, series in self._series.items() if now_ns - series.seen_ns <= FORGOTTEN_NS
            }
        return len(self._series) < self._most


def _row(identity: Identity, bounds: tuple[float, ...]) -> SeriesRow:
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
    )
