"""A registry reported by OTLP: decoded, it says what /metrics says."""

from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info

from lumina_telemetry.reporting import encode

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"


def reported(registry: CollectorRegistry) -> dict[str, Any]:
    """Metrics by name, as a receiver decodes them."""
    sent = encode(registry, "lumina-control", "control", 1_000, 2_000).SerializeToString()
    [scope] = ExportMetricsServiceRequest.FromString(sent).resource_metrics[0].scope_metrics
    return {metric.name: metric for metric in scope.metrics}


def labels(point: Any) -> dict[str, str]:
    return {pair.key: pair.value.string_value for pair in point.attributes}


def test_counter_is_a_sum_that_only_grows_without_the_suffix_that_prometheus_adds() -> None:
    registry = CollectorRegistry()
    Counter("lumina_things", "Things.", ["kind"], registry=registry).labels("a").inc(3)

    found = reported(registry)

    [point] = found["lumina_things"].sum.data_points
    assert (found["lumina_things"].sum.is_monotonic, found["lumina_things"].sum.aggregation_temporality) == (True, 2)
    assert (point.as_double, labels(point)) == (3, {"kind": "a"})
    assert (point.start_time_unix_nano, point.time_unix_nano) == (1_000, 2_000)


def test_gauge_and_info_are_gauges_with_the_unit_that_their_names_tell() -> None:
    registry = CollectorRegistry()
    Gauge("lumina_age_seconds", "Age.", registry=registry).set(2.5)
    Info("lumina_build", "Build.", registry=registry).info({"version": "1"})

    found = reported(registry)

    assert (found["lumina_age_seconds"].unit, found["lumina_build_info"].unit) == ("s", "")
    assert found["lumina_age_seconds"].gauge.data_points[0].as_double == 2.5
    assert labels(found["lumina_build_info"].gauge.data_points[0]) == {"version": "1"}


def test_histogram_counts_each_bucket_alone_and_keeps_the_exemplar() -> None:
    registry = CollectorRegistry()
    times = Histogram("lumina_call_seconds", "Time.", ["route"], buckets=(0.1, 1.0), registry=registry).labels("r")
    times.observe(0.05)
    times.observe(0.5, {"trace_id": TRACE_ID})
    times.observe(5)

    metric = reported(registry)["lumina_call_seconds"]

    [point] = metric.histogram.data_points
    assert (metric.unit, labels(point)) == ("s", {"route": "r"})
    assert (list(point.bucket_counts), list(point.explicit_bounds)) == ([1, 1, 1], [0.1, 1.0])
    assert (point.count, point.sum) == (3, 5.55)
    [exemplar] = point.exemplars
    assert (exemplar.trace_id.hex(), exemplar.as_double) == (TRACE_ID, 0.5)


def test_report_names_service_and_instance() -> None:
    sent = encode(CollectorRegistry(), "lumina-control", "control", 1, 2)

    resource = labels(sent.resource_metrics[0].resource)
    assert (resource["service.name"], resource["service.instance.id"]) == ("lumina-control", "control")
