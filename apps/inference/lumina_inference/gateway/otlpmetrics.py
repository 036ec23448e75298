"""The gateway's metrics as OTLP bytes, read from the same counters that /metrics shows."""

import asyncio
import time
from collections.abc import Iterable

from prometheus_client import Metric as Family
from prometheus_client.samples import Exemplar, Sample

from lumina_contracts import attributes as names
from lumina_contracts.attributes import Metric
from lumina_inference.gateway.destination import Destination
from lumina_inference.gateway.keyvalues import attributes
from lumina_inference.gateway.metrics import TRACE_ID, Metrics
from lumina_inference.gateway.otlp import Sender, envelope
from lumina_inference.gateway.protobuf import double, fixed64, integer, message, packed_double, packed_fixed64, text

# Field numbers of opentelemetry/proto/metrics/v1/metrics.proto.
_METRIC, _NAME, _DESCRIPTION, _UNIT, _GAUGE, _SUM, _HISTOGRAM = 2, 1, 2, 3, 5, 7, 9
_POINT, _TEMPORALITY, _MONOTONIC, _CUMULATIVE = 1, 2, 3, 2
_START, _TIME, _VALUE, _NUMBER_ATTRIBUTES = 2, 3, 4, 7
_COUNT, _TOTAL, _BUCKETS, _BOUNDS, _EXEMPLARS, _HISTOGRAM_ATTRIBUTES = 4, 5, 6, 7, 8, 9
_EXEMPLAR_TIME, _EXEMPLAR_VALUE, _EXEMPLAR_TRACE = 2, 3, 5
_NANO = 1_000_000_000

_Labels = tuple[tuple[str, str], ...]


async def export(metrics: Metrics, sender: Sender, destination: Destination, seconds: float) -> None:
    """Export for ever; a failed export is made good by the next, since the counts are cumulative."""
    started_ns = time.time_ns()
    while True:
        await asyncio.sleep(seconds)
        content = encode(metrics, destination.resource, started_ns, time.time_ns())
        await sender.send(destination.metrics or "", content, tries=1)


def encode(metrics: Metrics, resource: bytes, started_ns: int, now_ns: int) -> bytes:
    """An ExportMetricsServiceRequest with every instrument that has points."""
    families = {family.name: family for family in metrics.registry.collect()}
    times = fixed64(_START, started_ns) + fixed64(_TIME, now_ns)
    encoded = (_metric(metric, families[_family(metric)], times) for metric in names.METRICS)
    return envelope(resource, b"".join(message(_METRIC, content) for content in encoded if content))


def _family(metric: Metric) -> str:
    return metric.prometheus.removesuffix("_total")


def _metric(metric: Metric, family: Family, times: bytes) -> bytes:
    head = text(_NAME, metric.name) + text(_DESCRIPTION, metric.meaning) + text(_UNIT, metric.unit)
    if metric.kind == "histogram":
        points = _histogram_points(metric, family.samples, times)
        data = message(_HISTOGRAM, points + integer(_TEMPORALITY, _CUMULATIVE))
    elif metric.kind == "counter":
        points = _number_points(metric, family.samples, times)
        data = message(_SUM, points + integer(_TEMPORALITY, _CUMULATIVE) + integer(_MONOTONIC, 1))
    else:
        points = _number_points(metric, family.samples, times)
        data = message(_GAUGE, points)
    return head + data if points else b""


def _number_points(metric: Metric, samples: Iterable[Sample], times: bytes) -> bytes:
    return b"".join(
        message(_POINT, times + double(_VALUE, sample.value) + _attributes(_NUMBER_ATTRIBUTES, metric, _labels(sample)))
        for sample in samples
    )


def _histogram_points(metric: Metric, samples: Iterable[Sample], times: bytes) -> bytes:
    grouped: dict[_Labels, dict[str, list[Sample]]] = {}
    for sample in samples:
        suffix = sample.name.removeprefix(metric.prometheus)
        grouped.setdefault(_labels(sample), {}).setdefault(suffix, []).append(sample)
    return b"".join(
        message(_POINT, times + _histogram(metric, group) + _attributes(_HISTOGRAM_ATTRIBUTES, metric, labels))
        for labels, group in grouped.items()
    )


def _histogram(metric: Metric, group: dict[str, list[Sample]]) -> bytes:
    """Prometheus counts cumulatively over buckets, OTLP each bucket alone."""
    upto = [int(bucket.value) for bucket in group["_bucket"]]
    counts = [count - before for count, before in zip(upto, [0, *upto[:-1]], strict=True)]
    return (
        fixed64(_COUNT, upto[-1])
        + double(_TOTAL, group["_sum"][0].value)
        + packed_fixed64(_BUCKETS, counts)
        + packed_double(_BOUNDS, metric.buckets)
        + b"".join(_exemplar(bucket.exemplar) for bucket in group["_bucket"] if bucket.exemplar is not None)
    )


def _exemplar(exemplar: Exemplar) -> bytes:
    at_ns = int(float(exemplar.timestamp or 0) * _NANO)
    trace_id = message(_EXEMPLAR_TRACE, bytes.fromhex(exemplar.labels[TRACE_ID]))
    return message(_EXEMPLARS, fixed64(_EXEMPLAR_TIME, at_ns) + double(_EXEMPLAR_VALUE, exemplar.value) + trace_id)


def _labels(sample: Sample) -> _Labels:
    return tuple((name, value) for name, value in sample.labels.items() if name != "le")


def _attributes(field: int, metric: Metric, labels: _Labels) -> bytes:
    dotted = {name.replace(".", "_"): name for name in metric.labels}
    return attributes(field, [(dotted[name], value) for name, value in labels if value])
