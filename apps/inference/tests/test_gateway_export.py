"""What leaves the gateway by OTLP and at /metrics, decoded by OpenTelemetry's own messages, and how it leaves."""

from pathlib import Path

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from apps.inference.tests.gateway_world import (
    METRICS_KEY,
    gateway,
    snapshot,
)
from apps.inference.tests.spans_world import BODY, receiver, traced, values
from lumina_contracts import attributes as names


async def test_export_names_the_service_and_carries_the_receivers_headers() -> None:
    async with traced(extra={"OTEL_EXPORTER_OTLP_COMPRESSION": "gzip"}) as (running, otlp, _):
        await running.post("/v1/chat/completions", BODY)
        body = await otlp.wait("/v1/traces")

    spans = ExportTraceServiceRequest.FromString(body).resource_spans[0]
    assert values(spans.resource.attributes)["service.name"] == "lumina-gateway"
    assert spans.scope_spans[0].scope.name == "lumina.gateway"
    headers = next(sent for path, _, sent in otlp.requests if path == "/v1/traces")
    assert (headers["x-tenant"], headers["content-type"]) == ("a b", "application/x-protobuf")
    assert headers["content-encoding"] == "gzip"


async def test_export_is_tried_again_when_the_receiver_is_overloaded() -> None:
    async with (
        receiver(503) as otlp,
        gateway(
            snapshot(), environ={"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{otlp.url}/v1/traces"}, span_flush_seconds=0.01
        ) as running,
    ):
        await running.get("/v1/models")

        assert (await otlp.span()).name == "GET /v1/models"


async def test_spans_and_metrics_reach_our_own_telemetry_uncompressed_over_its_socket(tmp_path: Path) -> None:
    socket = tmp_path / "t.sock"
    environ = {"LUMINA_TELEMETRY_SOCKET": str(socket), "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip"}
    async with (
        receiver(socket=socket) as otlp,
        gateway(snapshot(), environ=environ, span_flush_seconds=0.01, metrics_export_seconds=0.01) as running,
    ):
        await running.get("/v1/models")

        assert (await otlp.span()).name == "GET /v1/models"
        assert ExportMetricsServiceRequest.FromString(await otlp.wait("/v1/metrics")).resource_metrics
        _, shown, _ = await running.get("/metrics", api_key=METRICS_KEY)

    assert all("Content-Encoding" not in headers for _, _, headers in otlp.requests)
    assert "lumina_gateway_spans_exported_total 1.0" in shown


async def test_spans_wait_while_our_own_telemetry_is_away_and_answers_do_not(tmp_path: Path) -> None:
    socket = tmp_path / "t.sock"
    environ = {"LUMINA_TELEMETRY_SOCKET": str(socket)}
    async with gateway(snapshot(), environ=environ, span_flush_seconds=0.01, span_queue=2) as running:
        answers = [await running.get("/v1/models") for _ in range(3)]
        _, shown, _ = await running.get("/metrics", api_key=METRICS_KEY)
        async with receiver(socket=socket) as otlp:
            spans = ExportTraceServiceRequest.FromString(await otlp.wait("/v1/traces"))

    assert [status for status, _, _ in answers] == [200, 200, 200]
    assert 'lumina_gateway_spans_dropped_total{reason="queue_full"} 1.0' in shown
    assert float(shown.split("\nlumina_gateway_span_queue_age_seconds ")[1].split()[0]) > 0
    assert spans.resource_spans[0].scope_spans[0].spans[0].name == "GET /v1/models"


async def test_full_queue_drops_spans_and_counts_them() -> None:
    environ = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:9/v1/traces"}
    async with gateway(snapshot(), environ=environ, span_queue=2, span_flush_seconds=60) as running:
        for _ in range(5):
            await running.get("/v1/models")
        _, shown, _ = await running.get("/metrics", api_key=METRICS_KEY)

    assert 'lumina_gateway_spans_dropped_total{reason="queue_full"} 3.0' in shown


async def test_metrics_follow_the_conventions_and_match_what_was_served() -> None:
    async with traced() as (running, otlp, _):
        _, _, headers = await running.post("/v1/chat/completions", BODY)
        await running.get("/v1/models")
        otlp.requests.clear()
        body = await otlp.wait("/v1/metrics")

    metrics = ExportMetricsServiceRequest.FromString(body).resource_metrics[0].scope_metrics[0].metrics
    found = {metric.name: metric for metric in metrics}
    tokens = found["gen_ai.client.token.usage"].histogram.data_points
    by_type = {values(point.attributes)["gen_ai.token.type"]: point for point in tokens}
    assert {kind: (point.count, point.sum) for kind, point in by_type.items()} == {"input": (1, 7), "output": (1, 3)}
    assert list(by_type["input"].explicit_bounds)[:3] == [1, 4, 16]
    assert list(by_type["input"].bucket_counts)[:4] == [0, 0, 1, 0]
    assert len(by_type["input"].bucket_counts) == len(by_type["input"].explicit_bounds) + 1
    duration = found["gen_ai.client.operation.duration"]
    [exemplar] = duration.histogram.data_points[0].exemplars
    assert exemplar.trace_id.hex() == headers["x-lumina-trace-id"]
    assert exemplar.as_double == pytest.approx(duration.histogram.data_points[0].sum)
    assert exemplar.time_unix_nano <= duration.histogram.data_points[0].time_unix_nano
    assert duration.unit == "s"
    assert values(duration.histogram.data_points[0].attributes)["lumina.backend"] == "b1"
    assert sum(point.as_double for point in found["lumina.gateway.requests"].sum.data_points) == 2


async def test_shown_metrics_have_the_names_of_the_table() -> None:
    async with gateway(snapshot()) as running:
        await running.get("/v1/models")
        _, shown, headers = await running.get("/metrics", api_key=METRICS_KEY)

    assert headers["content-type"].startswith("text/plain; version=0.0.4")
    told = {line.split()[2] for line in shown.splitlines() if line.startswith("# TYPE")}
    assert {metric.prometheus for metric in names.METRICS} <= told
