"""What telemetry counts of itself; shown on control's /metrics, and stored like any other metric."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge


class Measures:
    """`signal` is spans, logs or points; `reason` is one of a fixed few."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._received = self._counter("received", "Spans, log records and points that came in.", "signal")
        self._stored = self._counter("stored", "Spans, log records and points that are on disk.", "signal")
        self._dropped = self._counter("dropped", "What came in and was not stored, by reason.", "signal", "reason")
        self._stripped = self._counter("content_stripped", "Fields with prompts or answers taken out.", "convention")
        self._requests = self._counter("otlp_requests", "OTLP export requests, by status.", "signal", "status")
        self._forwarded = self._counter("forwarded", "What was passed on to another OTLP receiver.", "signal", "result")

    def received(self, signal: str, count: int) -> None:
        self._received.labels(signal).inc(count)

    def stored(self, signal: str, count: int) -> None:
        self._stored.labels(signal).inc(count)

    def dropped(self, signal: str, reason: str, count: int = 1) -> None:
        self._dropped.labels(signal, reason).inc(count)

    def stripped(self, convention: str, count: int = 1) -> None:
        self._stripped.labels(convention).inc(count)

    def requested(self, signal: str, status: int) -> None:
        self._requests.labels(signal, str(status)).inc()

    def forwarded(self, signal: str, result: str, count: int) -> None:
        self._forwarded.labels(signal, result).inc(count)

    def watch(self, name: str, meaning: str, read: Callable[[], float]) -> None:
        """Show a gauge whose value is read when it is asked for."""
        Gauge(f"lumina_telemetry_{name}", meaning, registry=self.registry).set_function(read)

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return Counter(f"lumina_telemetry_{name}", meaning, labels, registry=self.registry)
