"""An OTLP receiver, and a gateway that exports to it."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from apps.inference.tests.gateway_world import (
    Running,
    backend,
    gateway,
    plain_chat,
    provider,
    snapshot,
)

SECRET_PROMPT = "the prompt that must not be kept"
BODY: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": SECRET_PROMPT}]}


@dataclass
class Receiver:
    """An OTLP receiver; `statuses` are its next answers, 200 once they are used up."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    requests: list[tuple[str, bytes, Any]] = field(default_factory=list)
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def wait(self, path: str) -> bytes:
        """The first accepted request on a path."""
        async with asyncio.timeout(10), self.arrived:
            await self.arrived.wait_for(lambda: any(seen == path for seen, _, _ in self.requests))
        return next(body for seen, body, _ in self.requests if seen == path)

    async def span(self) -> Span:
        scoped = ExportTraceServiceRequest.FromString(await self.wait("/v1/traces")).resource_spans[0].scope_spans[0]
        span: Span = scoped.spans[0]
        return span


@asynccontextmanager
async def receiver(*statuses: int, socket: Path | None = None) -> AsyncIterator[Receiver]:
    """On a loopback port, or on a unix socket."""
    otlp = Receiver(statuses=list(statuses))

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        status = otlp.statuses.pop(0) if otlp.statuses else 200
        if status == 200:
            async with otlp.arrived:
                plain = gzip.decompress(body) if request.headers.get("Content-Encoding") == "gzip" else body
                otlp.requests.append((request.path, plain, request.headers))
                otlp.arrived.notify_all()
        return web.Response(status=status)

    runner = web.ServerRunner(web.Server(handle, auto_decompress=False), shutdown_timeout=0.1)
    await runner.setup()
    await (web.UnixSite(runner, str(socket)) if socket else web.TCPSite(runner, "127.0.0.1", 0)).start()
    otlp.url = "" if socket else f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield otlp
    finally:
        await runner.cleanup()


@asynccontextmanager
async def traced(
    answer: Any = plain_chat, extra: Mapping[str, str] = MappingProxyType({}), **more: Any
) -> AsyncIterator[tuple[Running, Receiver, Any]]:
    """A gateway that exports to a receiver, in front of one provider."""
    async with receiver() as otlp, provider(answer) as upstream:
        environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": otlp.url, "OTEL_EXPORTER_OTLP_HEADERS": "x-tenant=a%20b", **extra}
        first = snapshot(backend(upstream.url, **more), config_sha256="c" * 64)
        async with gateway(first, environ=environ, span_flush_seconds=0.01, metrics_export_seconds=0.05) as running:
            yield running, otlp, upstream


def values(pairs: Any) -> dict[str, Any]:
    return {pair.key: _value(pair) for pair in pairs}


def _value(pair: KeyValue) -> Any:
    kind = pair.value.WhichOneof("value")
    found = getattr(pair.value, str(kind))
    return [item.string_value for item in found.values] if kind == "array_value" else found
