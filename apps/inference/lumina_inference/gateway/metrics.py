"""The gateway's metrics, with the label children of every backend cached."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from lumina_contracts import attributes as names
from lumina_contracts.attributes import Metric
from lumina_inference.gateway.calls import Call

_NONE = ""
_NANO = 1_000_000_000
_MOST_NAMED = 500


@dataclass(frozen=True, slots=True)
class _Children:
    duration: Histogram
    first_chunk: Histogram
    input_tokens: Histogram
    output_tokens: Histogram
    spend: Counter


class Metrics:
    """Counts what the gateway does. Labels come from the configuration; of models that callers name for a route with
    `*` there are only so many, the others count under the route's own name."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._duration = self._histogram(names.OPERATION_DURATION)
        self._first_chunk = self._histogram(names.FIRST_CHUNK_TIME)
        self._tokens = self._histogram(names.TOKEN_USAGE)
        self._requests = self._counter(names.REQUESTS)
        self._failed = self._counter(names.FAILED_ATTEMPTS)
        self._spend = self._counter(names.SPEND)
        self._dropped = self._counter(names.SPANS_DROPPED)
        self._exported = self._counter(names.SPANS_EXPORTED)
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
        children.duration.observe(time.perf_counter() - call.started)
        if call.first_chunk_seconds is not None:
            children.first_chunk.observe(call.first_chunk_seconds)
        if call.usage is not None:
            children.input_tokens.observe(call.usage.input_tokens)
            children.output_tokens.observe(call.usage.output_tokens)
            if cost := call.cost_nano_usd:
                children.spend.inc(cost / _NANO)

    def dropped(self, reason: str, spans: int) -> None:
        self._dropped.labels(reason).inc(spans)

    def exported(self, spans: int) -> None:
        self._exported.inc(spans)

    def watch(self, metric: Metric, read: Callable[[], float]) -> None:
        """Show a gauge whose value is read when it is asked for."""
        Gauge(metric.prometheus, metric.meaning, registry=self.registry).set_function(read)

    def watch_each(self, metric: Metric, read: Callable[[], Iterable[tuple[str, float]]]) -> None:
        """Show a gauge with one label, whose values are read when they are asked for."""
        self.registry.register(_Read(metric, read))

    def text(self) -> bytes:
        """What /metrics shows."""
        return generate_latest(self.registry)

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
    read: Callable[[], Iterable[tuple[str, float]]]

    def collect(self) -> Iterable[GaugeMetricFamily]:
        family = GaugeMetricFamily(self.metric.prometheus, self.metric.meaning, labels=label_names(self.metric))
        for label, value in self.read():
            family.add_metric([label], value)
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
