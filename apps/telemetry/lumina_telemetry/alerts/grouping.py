"""Alerts gathered by name and severity for a webhook, as Alertmanager does: wait a little, tell, repeat late."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lumina_telemetry.alerts.fingerprints import fingerprint
from lumina_telemetry.alerts.messages import Bundle
from lumina_telemetry.alerts.notices import Notice

BY = ("alertname", "severity")
MOST_HELD = 10_000
_NANO = 1_000_000_000


@dataclass
class _Group:
    labels: Mapping[str, str]
    held: dict[str, Notice] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)
    due_ns: int | None = None
    told_ns: int = 0

    def take(self, name: str, notice: Notice, soon_ns: int) -> None:
        if not notice.firing and name not in self.told:
            self.held.pop(name, None)  # over before anyone heard of it
            return
        self.held[name] = notice
        if not notice.firing or name not in self.told:
            self.due_ns = self.due_ns or soon_ns

    def bundle(self, now_ns: int) -> Bundle:
        bundle = Bundle(self.labels, sorted(self.held.values(), key=lambda notice: not notice.firing))
        self.held = {name: notice for name, notice in self.held.items() if notice.firing}
        self.told, self.told_ns, self.due_ns = set(self.held), now_ns, None
        return bundle


class Grouping:
    """Keeps what has been told of which alert. Times are handed in, in nanoseconds."""

    def __init__(self, wait_seconds: float, repeat_seconds: float) -> None:
        self._wait_ns = round(wait_seconds * _NANO)
        self._repeat_ns = round(repeat_seconds * _NANO)
        self._groups: dict[tuple[str, ...], _Group] = {}

    def take(self, notices: Sequence[Notice], now_ns: int) -> int:
        """Take in how alerts are; the number of those there was no room for."""
        lost = 0
        for notice in notices:
            group = self._group(notice)
            name = fingerprint(notice.labels)
            if name not in group.held and notice.firing and self._held() >= MOST_HELD:
                lost += 1
                continue
            group.take(name, notice, now_ns + self._wait_ns)
        self._sweep()
        return lost

    def remember(self, notices: Sequence[Notice], now_ns: int) -> None:
        """These fire, and have been told already."""
        for notice in notices:
            group = self._group(notice)
            name = fingerprint(notice.labels)
            group.held[name] = notice
            group.told.add(name)
            group.told_ns = now_ns

    def due(self, now_ns: int) -> list[Bundle]:
        """What is to be told now; it counts as told."""
        bundles = [group.bundle(now_ns) for group in self._groups.values() if self._is_due(group, now_ns)]
        self._sweep()
        return bundles

    def _is_due(self, group: _Group, now_ns: int) -> bool:
        if not group.held:
            return False
        if group.due_ns is not None:
            return group.due_ns <= now_ns
        return group.told_ns + self._repeat_ns <= now_ns

    def _group(self, notice: Notice) -> _Group:
        key = tuple(notice.labels.get(name, "") for name in BY)
        if key not in self._groups:
            self._groups[key] = _Group({name: notice.labels[name] for name in BY if name in notice.labels})
        return self._groups[key]

    def _held(self) -> int:
        return sum(len(group.held) for group in self._groups.values())

    def _sweep(self) -> None:
        self._groups = {key: group for key, group in self._groups.items() if group.held}
