"""What rules write back: the series of recording rules, and ALERTS as Prometheus has it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Protocol

import msgspec

from lumina_telemetry.rows import STALE, Batch, NumberRow, SeriesRow
from lumina_telemetry.rules.alerting import NANO, Alert, Found, Key, RuleFailed, key_of
from lumina_telemetry.rules.definitions import Recording

MOST_SERIES = 1000
"""Series that one rule may give; each costs memory here, a row in the store, and time in every query."""


class Sink(Protocol):
    """Takes rows for the store; `flush` waits until they can be read."""

    def offer(self, batch: Batch) -> None: ...

    async def flush(self) -> bool: ...


@dataclass(frozen=True)
class Series:
    """A series by its name and labels."""

    name: str
    key: Key


class Written:
    """The series that one rule wrote last, so that those which end are marked as ended."""

    def __init__(self) -> None:
        self._before: set[Series] = set()

    def rows(self, values: Mapping[Series, float], at_ns: int) -> Batch:
        """The rows of these points, and of the ends of series that are not among them."""
        ended = self._before - values.keys()
        self._before = set(values)
        points = [*values.items(), *((series, STALE) for series in ended)]
        known = {series: _row(series) for series, _ in points}
        return Batch(
            series=list(known.values()),
            numbers=[NumberRow(series=known[series].id, time_ns=at_ns, value=value) for series, value in points],
        )


def recorded(rule: Recording, found: Iterable[Found]) -> dict[Series, float]:
    """What a recording rule writes. Raises RuleFailed."""
    values: dict[Series, float] = {}
    for sample in found:
        labels = {name: text for name, text in sample.labels.items() if name != "__name__"} | dict(rule.labels)
        series = Series(rule.record, key_of({name: text for name, text in labels.items() if text}))
        if series in values:
            raise RuleFailed(f"Two series would be recorded with the same labels: {dict(series.key)}.")
        values[series] = sample.value
    return values


def shown(alerts: Iterable[Alert]) -> dict[Series, float]:
    """ALERTS and ALERTS_FOR_STATE of pending and firing alerts."""
    values: dict[Series, float] = {}
    for alert in alerts:
        values[Series("ALERTS", key_of({**alert.labels, "alertstate": alert.state}))] = 1.0
        values[Series("ALERTS_FOR_STATE", key_of(alert.labels))] = float(alert.active_ns // NANO)
    return values


def _row(series: Series) -> SeriesRow:
    labels = msgspec.json.encode(dict(series.key))
    number = int.from_bytes(blake2b(series.name.encode() + b"\0" + labels, digest_size=8).digest())
    return SeriesRow(
        id=number, name=series.name, otel_name="", kind="gauge", unit="", description="", labels=labels.decode()
    )
