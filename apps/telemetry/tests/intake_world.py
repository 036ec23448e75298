"""OTLP intake on a TCP port, with a real store, for tests."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from apps.telemetry.tests.store_world import World, open_world
from lumina_contracts.content import ContentRecord
from lumina_telemetry.intake.routes import routes
from lumina_telemetry.intake.sender import Decoded, Sender
from lumina_telemetry.rows import Batch

PROTOBUF = "application/x-protobuf"
SECOND = 10**9
DAY = 86_400 * SECOND
NOW = 1_780_000_000 * SECOND
TRACE = bytes.fromhex("5b8efff798038103d269b633813fc60c")
SPAN = bytes.fromhex("eee19b7ec3c1b174")


class NoMetrics:
    def decode(self, _request: ExportMetricsServiceRequest, _sender: Sender) -> Decoded:
        return Decoded(Batch())


@dataclass
class Intake:
    """The server, and what came out at its other ends."""

    world: World
    session: aiohttp.ClientSession
    url: str = ""
    content: list[ContentRecord] = field(default_factory=list)
    forwarded: list[tuple[str, bytes, int]] = field(default_factory=list)

    async def post(
        self, body: bytes, path: str = "traces", media: str = PROTOBUF, **headers: str
    ) -> tuple[int, bytes, Any]:
        told = {"content-type": media, **{name.replace("_", "-"): value for name, value in headers.items()}}
        async with self.session.post(f"{self.url}/v1/{path}", data=body, headers=told) as answer:
            return answer.status, await answer.read(), answer.headers

    async def rows(self, sql: str) -> list[Any]:
        await self.world.pending.flush()
        return await self.world.rows(sql)


@asynccontextmanager
async def open_intake(folder: Path, now_ns: Callable[[], int] | None = None, **settings: Any) -> AsyncIterator[Intake]:
    async with open_world(folder, **settings) as world, aiohttp.ClientSession() as session:
        intake = Intake(world, session)
        app = web.Application()
        app.add_routes(
            routes(
                world.pending,
                world.measures,
                world.settings,
                intake.content.extend,
                NoMetrics(),
                lambda *forwarded: intake.forwarded.append(forwarded),
                now_ns or (lambda: NOW),
            )
        )
        async with TestServer(app) as server:
            intake.url = str(server.make_url("")).rstrip("/")
            yield intake


def put(attributes: Any, **values: str | int | float | bool) -> None:
    """Set attributes; `__` stands for a dot."""
    for name, value in values.items():
        set_value(attributes.add(key=name.replace("__", ".")), value)


def set_value(pair: KeyValue, value: str | float | bool) -> None:
    match value:
        case bool():
            pair.value.bool_value = value
        case int():
            pair.value.int_value = value
        case float():
            pair.value.double_value = value
        case _:
            pair.value.string_value = value


def one_span(**fields: Any) -> tuple[ExportTraceServiceRequest, Span]:
    """A request with one span of a second; any field of it may be told."""
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    put(resource.resource.attributes, service__name="shop")
    told = {
        "trace_id": TRACE,
        "span_id": SPAN,
        "name": "chat",
        "start_time_unix_nano": NOW - SECOND,
        "end_time_unix_nano": NOW,
    }
    return request, resource.scope_spans.add().spans.add(**told | fields)
