"""A Prometheus registry as an OTLP export request: how control and telemetry itself report what they count."""

from collections.abc import Iterable, Mapping
from importlib.metadata import version
from math import inf

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AggregationTemporality,
    Exemplar,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from prometheus_client import CollectorRegistry
from prometheus_client import Metric as Family
from prometheus_client.samples import Exemplar as PrometheusExemplar
from prometheus_client.samples import Sample

_CUMULATIVE = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
_UNITS = {"_seconds": "s", "_bytes": "By"}
_NANO = 1_000_000_000
_TRACE_ID_DIGITS = 32

_Labels = tuple[tuple[str, str], ...]


def encode(
    registry: CollectorRegistry, service: str, instance: str, started_ns: int, now_ns: int
) -> ExportMetricsServiceRequest:
    """Everything that the registry holds now, cumulative since `started_ns`, under its Prometheus names.

    A family of another kind than counter, gauge and histogram comes as gauges, one for each of its lines' names.
    """
    metrics = [metric for family in registry.collect() for metric in _metrics(family, started_ns, now_ns)]
    scope = ScopeMetrics(scope=InstrumentationScope(name=service), metrics=metrics)
    return ExportMetricsServiceRequest(
        resource_metrics=[ResourceMetrics(resource=_resource(service, instance), scope_metrics=[scope])]
    )


def _resource(service: str, instance: str) -> Resource:
    known = {
        "service.name": service,
        "service.instance.id": instance,
        "service.version": version("lumina-telemetry"),
    }
    return Resource(attributes=_attributes(known.items()))


def _metrics(family: Family, started_ns: int, now_ns: int) -> Iterable[Metric]:
    if family.type == "histogram":
        yield _histogram(family, started_ns, now_ns)
        return
    by_name: dict[str, list[Sample]] = {}
    for sample in family.samples:
        if not sample.name.endswith("_created"):
            by_name.setdefault(sample.name, []).append(sample)
    for name, samples in by_name.items():
        yield _numbers(family, name, samples, started_ns, now_ns)


def _numbers(family: Family, name: str, samples: Iterable[Sample], started_ns: int, now_ns: int) -> Metric:
    counts = family.type == "counter"
    start_ns = started_ns if counts else 0
    points = [
        NumberDataPoint(
            attributes=_attributes(sample.labels.items()),
            start_time_unix_nano=start_ns,
            time_unix_nano=now_ns,
            as_double=sample.value,
        )
        for sample in samples
    ]
    own = name.removesuffix("_total") if counts else name
    metric = Metric(name=own, description=family.documentation, unit=_unit(own))
    if counts:
        metric.sum.CopyFrom(Sum(data_points=points, aggregation_temporality=_CUMULATIVE, is_monotonic=True))
    else:
        metric.gauge.CopyFrom(Gauge(data_points=points))
    return metric


def _histogram(family: Family, started_ns: int, now_ns: int) -> Metric:
    grouped: dict[_Labels, list[Sample]] = {}
    for sample in family.samples:
        labels = tuple((name, value) for name, value in sample.labels.items() if name != "le")
        grouped.setdefault(labels, []).append(sample)
    points = [_histogram_point(labels, samples) for labels, samples in grouped.items()]
    for point in points:
        point.start_time_unix_nano, point.time_unix_nano = started_ns, now_ns
    shown = Histogram(data_points=points, aggregation_temporality=_CUMULATIVE)
    return Metric(name=family.name, description=family.documentation, unit=_unit(family.name), histogram=shown)


def _histogram_point(labels: _Labels, samples: Iterable[Sample]) -> HistogramDataPoint:
    """Prometheus counts cumulatively over buckets, OTLP each bucket alone."""
    point = HistogramDataPoint(attributes=_attributes(labels))
    before = 0
    for sample in samples:
        if sample.name.endswith("_sum"):
            point.sum = sample.value
        elif sample.name.endswith("_bucket"):
            upto, bound = int(sample.value), float(sample.labels["le"])
            point.bucket_counts.append(upto - before)
            before = point.count = upto
            if bound != inf:
                point.explicit_bounds.append(bound)
            if sample.exemplar is not None:
                point.exemplars.append(_exemplar(sample.exemplar))
    return point


def _exemplar(known: PrometheusExemplar) -> Exemplar:
    exemplar = Exemplar(as_double=known.value, time_unix_nano=int(float(known.timestamp or 0) * _NANO))
    labels: Mapping[str, str] = known.labels
    trace_id = labels.get("trace_id", "")
    if len(trace_id) == _TRACE_ID_DIGITS:
        exemplar.trace_id = bytes.fromhex(trace_id)
    return exemplar


def _unit(name: str) -> str:
    return next((unit for suffix, unit in _UNITS.items() if name.endswith(suffix)), "")


def _attributes(pairs: Iterable[tuple[str, str]]) -> list[KeyValue]:
    return [KeyValue(key=key, value=AnyValue(string_value=value)) for key, value in pairs if value]
