"""The official Python SDK, compressed and not: all three signals, as the API gives them back."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.metrics import Observation
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import (
    Counter,
    Histogram,
    MeterProvider,
    ObservableCounter,
    TraceBasedExemplarFilter,
)
from opentelemetry.sdk.metrics.export import AggregationTemporality, PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, Span, SpanKind, StatusCode, Tracer, format_trace_id

from apps.telemetry.tests.clients.world import Lumina

Temporality = dict[type, AggregationTemporality]
both = pytest.mark.parametrize(
    "sdk", [Compression.NoCompression, Compression.Gzip], ids=["plain", "gzip"], indirect=True
)
NEVER_MS = 3_600_000
VALUES: Any = {
    "text": "é",
    "yes": True,
    "whole": 7,
    "part": 0.5,
    "texts": ["a", "b"],
    "wholes": [1, 2],
    "parts": [0.5, 1.5],
}
DELTA: Temporality = dict.fromkeys((Counter, Histogram, ObservableCounter), AggregationTemporality.DELTA)


@dataclass(frozen=True)
class Sdk:
    """The SDK, set up to send to a Lumina as one service; nothing in it is global."""

    lumina: Lumina
    service: str
    compression: Compression

    @property
    def resource(self) -> Resource:
        return Resource.create({"service.name": self.service, "service.instance.id": "one"})

    def tracers(self) -> TracerProvider:
        exporter = OTLPSpanExporter(
            self.lumina.endpoint("traces"), headers=self.lumina.headers, compression=self.compression
        )
        tracers = TracerProvider(resource=self.resource)
        tracers.add_span_processor(BatchSpanProcessor(exporter))
        return tracers

    def loggers(self) -> LoggerProvider:
        exporter = OTLPLogExporter(
            self.lumina.endpoint("logs"), headers=self.lumina.headers, compression=self.compression
        )
        loggers = LoggerProvider(resource=self.resource)
        loggers.add_log_record_processor(BatchLogRecordProcessor(exporter))
        return loggers

    def meters(self, temporality: Temporality | None = None) -> MeterProvider:
        exporter = OTLPMetricExporter(
            self.lumina.endpoint("metrics"),
            headers=self.lumina.headers,
            compression=self.compression,
            preferred_temporality=temporality,
        )
        reader = PeriodicExportingMetricReader(exporter, export_interval_millis=NEVER_MS)
        wide = View(instrument_name="py.wide", aggregation=ExponentialBucketHistogramAggregation())
        return MeterProvider([reader], self.resource, TraceBasedExemplarFilter(), views=[wide])

    def value(self, metric: str, **labels: str) -> float:
        matchers = ", ".join(f'{name}="{value}"' for name, value in {**labels, "job": self.service}.items())
        return self.lumina.value(f"{metric}{{{matchers}}}")


@pytest.fixture
def sdk(request: pytest.FixtureRequest, lumina: Lumina) -> Sdk:
    return Sdk(lumina, f"py-{request.node.name}", getattr(request, "param", Compression.Gzip))


@pytest.fixture
def tracer(sdk: Sdk) -> Iterator[Tracer]:
    tracers = sdk.tracers()
    yield tracers.get_tracer("the-scope", "1.2.3")
    tracers.shutdown()


def id_of(span: Span) -> str:
    return format_trace_id(span.get_span_context().trace_id)


@both
def test_trace_arrives_whole(sdk: Sdk) -> None:
    tracers = sdk.tracers()
    tracer = tracers.get_tracer("the-scope", "1.2.3")
    with tracer.start_as_current_span("POST /pay", kind=SpanKind.SERVER, attributes=VALUES) as parent:
        links = [Link(parent.get_span_context(), {"why": "retry"})]
        with tracer.start_as_current_span("chat", kind=SpanKind.CLIENT, links=links) as child:
            child.add_event("tried", {"times": 2})
            child.record_exception(TypeError("no such card"))
            child.set_status(StatusCode.ERROR, "refused")
            tracer.start_span("queue", kind=SpanKind.PRODUCER).end()
    tracers.shutdown()

    nodes = sdk.lumina.trace(id_of(parent), spans=3)
    top, below = nodes["POST /pay"]["span"], nodes["chat"]["span"]
    assert [nodes[name]["depth"] for name in ("POST /pay", "chat", "queue")] == [0, 1, 2]
    assert (top["service"], top["scope"], top["kind"], top["attributes"]) == (
        sdk.service,
        "the-scope",
        "server",
        VALUES,
    )
    assert (top["resource"]["telemetry.sdk.language"], top["ours"]) == ("python", False)
    assert (below["kind"], below["status"], below["status_message"]) == ("client", "error", "refused")
    assert (below["links"][0]["span_id"], below["links"][0]["attributes"]) == (top["span_id"], {"why": "retry"})
    tried, raised = below["events"]
    assert (tried["name"], tried["attributes"]) == ("tried", {"times": 2})
    assert raised["attributes"]["exception.type"] == "TypeError"
    assert "no such card" not in str(raised)


@both
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_logs_of_logging_lie_beside_their_trace(sdk: Sdk, tracer: Tracer) -> None:
    loggers = sdk.loggers()
    handler = LoggingHandler(logger_provider=loggers)
    logger = logging.getLogger(f"shop.{sdk.service}")
    logger.addHandler(handler)
    with tracer.start_as_current_span("POST /pay") as span:
        logger.warning("card %s was refused", "4711", extra={"shop.id": 9})
    loggers.shutdown()
    logger.removeHandler(handler)

    [record] = sdk.lumina.logs(id_of(span))
    assert (record["body"], record["severity"], record["level"]) == ("card 4711 was refused", 13, "WARN")
    assert (record["service"], record["scope"]) == (sdk.service, logger.name)
    assert record["attributes"]["shop.id"] == 9
    assert record["span_id"] == f"{span.get_span_context().span_id:016x}"


@both
def test_every_instrument_has_the_value_that_was_recorded(sdk: Sdk) -> None:
    meters = sdk.meters()
    meter = meters.get_meter("the-meter")
    meter.create_counter("py.requests", "{request}").add(3, {"route": "pay"})
    meter.create_up_down_counter("py.open").add(-2)
    meter.create_gauge("py.warmth", "Cel").set(21.5)
    times = meter.create_histogram("py.time", "s", explicit_bucket_boundaries_advisory=[0.1, 1])
    wide = meter.create_histogram("py.wide")
    for seconds in (0.05, 0.5, 5):
        times.record(seconds)
        wide.record(seconds * 100)
    meter.create_observable_gauge("py.queue", [lambda _: [Observation(4, {"queue": "mail"})]])
    meter.create_observable_counter("py.read", [lambda _: [Observation(100)]], "By")
    meter.create_observable_up_down_counter("py.level", [lambda _: [Observation(-7)]])
    meters.shutdown()

    assert sdk.value("py_requests_total", route="pay", instance="one") == 3
    assert sdk.value("py_open") == -2
    assert sdk.value("py_warmth_celsius") == 21.5
    assert (sdk.value("py_time_seconds_bucket", le="1.0"), sdk.value("py_time_seconds_count")) == (2, 3)
    assert sdk.value("py_time_seconds_sum") == pytest.approx(5.55)
    assert sdk.value("py_wide_count") == 3
    assert sdk.value("py_wide_sum") == pytest.approx(555)
    assert sdk.value("py_queue", queue="mail") == 4
    assert sdk.value("py_read_bytes_total") == 100
    assert sdk.value("py_level") == -7


def test_deltas_are_summed_up(sdk: Sdk) -> None:
    meters = sdk.meters(DELTA)
    meter = meters.get_meter("the-meter")
    requests, times = meter.create_counter("py.requests"), meter.create_histogram("py.time", "s")
    for seconds in (0.05, 0.5):
        requests.add(2)
        times.record(seconds)
        meters.force_flush()
    meters.shutdown()

    assert sdk.value("py_requests_total") == 4
    assert sdk.value("py_time_seconds_count") == 2
    assert sdk.value("py_time_seconds_sum") == pytest.approx(0.55)


def test_exemplar_leads_from_a_histogram_to_its_trace(sdk: Sdk, tracer: Tracer) -> None:
    meters = sdk.meters()
    times = meters.get_meter("the-meter").create_histogram("py.time", "s")
    with tracer.start_as_current_span("POST /pay") as span:
        times.record(0.5)
    meters.shutdown()

    page = sdk.lumina.ask(
        "metrics/exemplars", lambda page: bool(page["items"]), metric="py_time_seconds", where=f"job={sdk.service}"
    )
    assert [(item["value"], item["trace_id"]) for item in page["items"]] == [(0.5, id_of(span))]
