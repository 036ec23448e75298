"""The gateway's metrics, with the label children of every backend cached."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from msgspec import Struct
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from lumina_contracts import attributes as names
from lumina_contracts.attributes import Metric
from lumina_inference.gateway.calls import Call

TRACE_ID = "trace_id"
_NONE = ""
_NANO = 1_000_000_000
_MOST_NAMED = 500
_EXEMPLAR_SECONDS = 1.0

Read = tuple[tuple[str, ...], float]
"""The values of a gauge's labels, and its own."""


class _Children(Struct, eq=False):
    """The series of one kind of call. `due`: when the next exemplar is; `slowest` since the last that was due."""

    duration: Histogram
    first_chunk: Histogram
    overhead: Histogram
    input_tokens: Histogram
    output_tokens: Histogram
    spend: Counter
    due: float = 0.0
    slowest: float = 0.0

    def exemplar(self, call: Call, now: float) -> dict[str, str] | None:
        """The trace of the first request of a second, and of each that is slower than those before it."""
        seconds = now - call.started
        if now < self.due and seconds <= self.slowest:
            return None
        if now >= self.due:
            self.due = now + _EXEMPLAR_SECONDS
        self.slowest = seconds
        return {TRACE_ID: call.trace.trace_id}


class Metrics:
    """Counts what the gateway does. Labels come from the configuration; of models that callers name for a route with
    `*` there are only so many, the others count under the route's own name."""

    def __init__(self) -> None:
        # Else each has a second series that nobody asks for.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # it has no annotations
        self.registry = CollectorRegistry()
        self._duration = self._histogram(names.OPERATION_DURATION)
        self._first_chunk = self._histogram(names.FIRST_CHUNK_TIME)
        self._tokens = self._histogram(names.TOKEN_USAGE)
        self._overhead = self._histogram(names.OVERHEAD)
        self._requests = self._counter(names.REQUESTS)
        self._failed = self._counter(names.FAILED_ATTEMPTS)
        self._spend = self._counter(names.SPEND)
        self._dropped = self._counter(names.SPANS_DROPPED)
        self._exported = self._counter(names.SPANS_EXPORTED)
        self._content_dropped = self._counter(names.CONTENT_DROPPED)
        self._children: dict[tuple[str, ...], _Children] = {}
        self._counts: dict[tuple[str, int], Counter] = {}

    def observe(self, call: Call) -> None:
        """Count one finished request."""
        self._count(call)
        for attempt in call.failed_attempts:
            self._failed.labels(attempt.backend, str(attempt.failure)).inc()
        if call.operation is None:
            return
        children = self._of(call)
        now = time.perf_counter()
        exemplar = children.exemplar(call, now)
        children.duration.observe(now - call.started, exemplar)
        if call.overhead_seconds is not None:
            children.overhead.observe(call.overhead_seconds, exemplar)
        if call.first_chunk_seconds is not None:
            children.first_chunk.observe(call.first_chunk_seconds, exemplar)
        if call.usage is not None:
            children.input_tokens.observe(call.usage.input_tokens)
            children.output_tokens.observe(call.usage.output_tokens)
            if cost := call.cost_nano_usd:
                children.spend.inc(cost / _NANO)

    def dropped(self, reason: str, spans: int) -> None:
        self._dropped.labels(reason).inc(spans)

    def content_dropped(self, reason: str, records: int) -> None:
        self._content_dropped.labels(reason).inc(records)

    def exported(self, spans: int) -> None:
        self._exported.inc(spans)

    def watch(self, metric: Metric, read: Callable[[], float]) -> None:
        """Show a gauge whose value is read when it is asked for."""
        Gauge(metric.prometheus, metric.meaning, registry=self.registry).set_function(read)

    def watch_each(self, metric: Metric, read: Callable[[], Iterable[Read]]) -> None:
        """Show a gauge with labels, whose values are read when they are asked for."""
        self.registry.register(_Read(metric, read))

    def _count(self, call: Call) -> None:
        key = (call.choices.route.name if call.choices else _NONE, call.status)
        counter = self._counts.get(key)
        if counter is None:
            counter = self._counts[key] = self._requests.labels(*key)
        counter.inc()

    def _of(self, call: Call) -> _Children:
        key = _labels(call, call.model or names.UNKNOWN)
        children = self._children.get(key)
        if children is None and call.choices is not None and len(self._children) >= _MOST_NAMED:
            key = _labels(call, call.choices.route.name)  # a route with `*` has as many models as callers make up
            children = self._children.get(key)
        if children is None:
            children = self._children[key] = self._make(key)
        return children

    def _make(self, key: tuple[str, ...]) -> _Children:
        plain = key[:-1]
        return _Children(
            duration=self._duration.labels(*key),
            first_chunk=self._first_chunk.labels(*plain),
            overhead=self._overhead.labels(plain[3]),
            input_tokens=self._tokens.labels(*plain, "input"),
            output_tokens=self._tokens.labels(*plain, "output"),
            spend=self._spend.labels(*plain[-2:]),
        )

    def _histogram(self, metric: Metric) -> Histogram:
        return Histogram(
            metric.prometheus, metric.meaning, label_names(metric), buckets=metric.buckets, registry=self.registry
        )

    def _counter(self, metric: Metric) -> Counter:
        return Counter(metric.prometheus, metric.meaning, label_names(metric), registry=self.registry)


@dataclass(frozen=True)
class _Read(Collector):
    metric: Metric
    read: Callable[[], Iterable[Read]]

    def collect(self) -> Iterable[GaugeMetricFamily]:
        family = GaugeMetricFamily(self.metric.prometheus, self.metric.meaning, labels=label_names(self.metric))
        for labels, value in self.read():
            family.add_metric(labels, value)
        return (family,)


def label_names(metric: Metric) -> tuple[str, ...]:
    """Prometheus has no dots in names."""
    return tuple(name.replace(".", "_") for name in metric.labels)


def _labels(call: Call, model: str) -> tuple[str, ...]:
    assert call.operation is not None
    backend = call.target.backend if call.target else None
    return (
        call.operation.name,
        backend.provider if backend else names.UNKNOWN,
        model,
        call.choices.route.name if call.choices else _NONE,
        backend.id if backend else _NONE,
        call.error_type or _NONE,
    )
