"""What the official exporters send is stored."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import SpanKind

from apps.telemetry.tests.intake_world import Intake, open_intake

SHOP = Resource.create({"service.name": "shop", "deployment.environment.name": "test"})


@pytest.fixture
async def intake(tmp_path: Path) -> AsyncIterator[Intake]:
    async with open_intake(tmp_path, time.time_ns) as intake:
        yield intake


@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip, Compression.Deflate])
async def test_spans_of_the_sdk_are_stored(intake: Intake, compression: Compression) -> None:
    tracers = TracerProvider(resource=SHOP)
    exporter = OTLPSpanExporter(f"{intake.url}/v1/traces", compression=compression)
    tracers.add_span_processor(SimpleSpanProcessor(exporter))

    def work() -> None:
        tracer = tracers.get_tracer("the-scope")
        with tracer.start_as_current_span("POST /pay") as parent:
            parent.set_attribute("gen_ai.usage.input_tokens", 7)
            with tracer.start_as_current_span("chat", kind=SpanKind.CLIENT) as child:
                child.set_attributes({"gen_ai.request.model": "m", "list": ["a", "b"], "price": 0.5})
                child.add_event("tried", {"times": 2})
        tracers.shutdown()

    await asyncio.to_thread(work)

    stored = await intake.rows(
        "SELECT name, service, scope, kind, request_model, input_tokens, attributes, duration_ns > 0, ours"
        " FROM spans ORDER BY kind"
    )
    assert stored[0][:6] == ("POST /pay", "shop", "the-scope", 1, None, 7)
    assert stored[1] == ("chat", "shop", "the-scope", 3, "m", None, '{"list":["a","b"],"price":0.5}', True, True)
    assert intake.world.count("received", signal="spans") == 2
    assert intake.world.count("otlp_requests", signal="traces", status="200") == 2
    assert (await intake.rows("SELECT attributes FROM resources"))[0][0].count("deployment.environment.name") == 1


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_logs_of_the_sdk_are_stored(intake: Intake) -> None:
    loggers = LoggerProvider(resource=SHOP)
    loggers.add_log_record_processor(SimpleLogRecordProcessor(OTLPLogExporter(f"{intake.url}/v1/logs")))
    logger = logging.getLogger("shop.pay")
    logger.addHandler(LoggingHandler(logger_provider=loggers))

    def work() -> None:
        logger.warning("card %s was refused", "4711", extra={"shop.id": 9})
        loggers.shutdown()

    await asyncio.to_thread(work)

    stored = await intake.rows("SELECT body, severity, severity_text, service, scope, attributes FROM logs")
    assert stored[0][:5] == ("card 4711 was refused", 13, "WARN", "shop", "shop.pay")
    assert '"shop.id":9' in stored[0][5]
