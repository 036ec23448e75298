"""What the control plane counts, in Prometheus's format at `/metrics`."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Metric,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import choose_encoder

from lumina_kit.ledger import Head

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True)
class Gathered:
    """What is read at the moment of a scrape."""

    dead_letters: int
    outbox_oldest_seconds: float
    snapshot_version: str | None
    snapshot_keys: int


class Metrics:
    """One process's numbers, in a registry of their own."""

    def __init__(self) -> None:
        # Else each has a second series that nobody asks for.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # it has no annotations
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = Counter(
            "lumina_control_requests", "Requests answered.", ["method", "route", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "lumina_control_request_duration_seconds",
            "Time until an answer began.",
            ["method", "route"],
            buckets=BUCKETS,
            registry=self.registry,
        )
        self._dead_letters = Gauge(
            "lumina_outbox_dead_letters", "Events that were given up after ten tries.", registry=self.registry
        )
        self._oldest = Gauge(
            "lumina_outbox_oldest_seconds", "Age of the oldest event that still waits.", registry=self.registry
        )
        self._snapshot_keys = Gauge("lumina_snapshot_keys", "Keys in force at the gateway.", registry=self.registry)
        self._snapshot = Gauge(
            "lumina_snapshot_info", "The snapshot that the gateway is given.", ["version"], registry=self.registry
        )
        self._ledger_number = Gauge("lumina_ledger_entries", "Entries of the ledger.", registry=self.registry)
        self._ledger_head = Gauge(
            "lumina_ledger_head_info",
            "The ledger's newest hash, each hour: kept elsewhere, it shows a cut tail.",
            ["number", "hash"],
            registry=self.registry,
        )

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request; `route` is the template, so that ids make no new series."""
        self.requests.labels(method, route, status).inc()
        self.seconds.labels(method, route).observe(seconds)

    def saw_head(self, head: Head) -> None:
        """Show the end of the ledger."""
        self._ledger_number.set(head.number)
        self._ledger_head.clear()
        self._ledger_head.labels(str(head.number), head.hash).set(1)

    def show(self, gathered: Gathered) -> None:
        self._dead_letters.set(gathered.dead_letters)
        self._oldest.set(gathered.outbox_oldest_seconds)
        self._snapshot_keys.set(gathered.snapshot_keys)
        self._snapshot.clear()
        self._snapshot.labels((gathered.snapshot_version or "none")[:12]).set(1)

    def render(self, of_telemetry: Sequence[Metric], accept: str) -> tuple[bytes, str]:
        """The text and its media type."""
        encoder, media_type = choose_encoder(accept)
        return encoder(_Together(self.registry, of_telemetry)), media_type


class _Together(CollectorRegistry):
    """Our families, and those of another process whose names we do not have: a family comes once in an exposition."""

    def __init__(self, own: CollectorRegistry, others: Iterable[Metric]) -> None:
        super().__init__()
        self._own = own
        self._others = others

    def collect(self) -> Iterator[Metric]:
        names = set()
        for family in self._own.collect():
            names.add(family.name)
            yield family
        yield from (family for family in self._others if family.name not in names)
