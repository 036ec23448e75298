import asyncio
import gzip
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from yarl import URL

from apps.telemetry.tests.intake_world import one_span
from lumina_kit.home import Home
from lumina_telemetry.forwarding.forwarder import Forwarder, own_addresses
from lumina_telemetry.measures import Measures

BODY = one_span()[0].SerializeToString()
Answering = Callable[[], web.Response]


@dataclass
class Receiver:
    """An OTLP receiver that answers with what is left of its script, then 200."""

    script: list[Answering] = field(default_factory=list)
    got: list[tuple[str, bytes, dict[str, str]]] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)
    url: str = ""

    async def take(self, request: web.Request) -> web.Response:
        self.got.append((request.path, await request.read(), dict(request.headers)))
        if self.script:
            return self.script.pop(0)()
        self.came.set()
        return web.Response()


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/{path:.*}", receiver.take)
    async with TestServer(app) as server:
        receiver.url = str(server.make_url("")).rstrip("/")
        yield receiver


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


@asynccontextmanager
async def forwarding(
    environ: dict[str, str], most_bytes: int = 10**6, own: tuple[str, ...] = ()
) -> AsyncIterator[tuple[Forwarder, Measures]]:
    measures = Measures()
    forwarder = Forwarder(environ, measures, most_bytes, lambda: [URL(address) for address in own])
    task = asyncio.create_task(forwarder.run())
    await asyncio.sleep(0)
    try:
        yield forwarder, measures
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def counted(measures: Measures, result: str, signal: str = "traces") -> float:
    labels = {"signal": signal, "result": result}
    return measures.registry.get_sample_value("lumina_telemetry_forwarded_total", labels) or 0.0


async def test_each_signal_arrives_at_its_path_with_the_headers(receiver: Receiver) -> None:
    environ = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"{receiver.url}/base/",
        "OTEL_EXPORTER_OTLP_HEADERS": "x-key=a%20b",
        "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": f"{receiver.url}/own-logs",
        "OTEL_EXPORTER_OTLP_LOGS_HEADERS": "x-key=logs",
    }
    async with forwarding(environ) as (forward, measures):
        forward("traces", BODY, 1)
        forward("logs", BODY, 2)

    got = {path: (body, headers) for path, body, headers in receiver.got}
    assert got["/base/v1/traces"][0] == BODY
    assert got["/base/v1/traces"][1]["x-key"] == "a b"
    assert got["/base/v1/traces"][1]["Content-Type"] == "application/x-protobuf"
    assert got["/own-logs"][1]["x-key"] == "logs"
    assert counted(measures, "sent") == 1
    assert counted(measures, "sent", "logs") == 2


async def test_headers_that_http_cannot_carry_are_left_away(receiver: Receiver) -> None:
    environ = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
        "OTEL_EXPORTER_OTLP_HEADERS": "x-one=1,x-two=a%0d%0ab,=c,x three=d",
    }
    async with forwarding(environ) as (forward, measures):
        forward("traces", BODY, 1)

    [(_, _, headers)] = receiver.got
    assert headers["x-one"] == "1"
    assert not {"x-two", "", "x three"} & headers.keys()
    assert counted(measures, "sent") == 1


async def test_what_waits_is_sent_as_one_request(receiver: Receiver) -> None:
    async with forwarding({"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url}) as (forward, _):
        for _ in range(3):
            forward("traces", BODY, 1)

    assert len(ExportTraceServiceRequest.FromString(receiver.got[0][1]).resource_spans) == 3


async def test_body_is_compressed_where_asked(receiver: Receiver) -> None:
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION": "gzip"}
    sent = asyncio.Event()
    bodies: list[bytes] = []

    async def raw(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        bodies.append(gzip.decompress(await reader.readexactly(length)))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        sent.set()

    server = await asyncio.start_server(raw, "127.0.0.1", 0)
    environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, forwarding(environ) as (forward, _):
        forward("traces", BODY, 1)
        await sent.wait()

    assert bodies == [BODY]


async def test_receiver_that_asks_for_patience_gets_it_again() -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=1))
    asked: tuple[dict[str, str], ...] = ({"retry-after": "1"}, {"retry-after": date}, {"retry-after": "soon"}, {})

    await asyncio.gather(*map(_is_patient, asked))


async def _is_patient(headers: dict[str, str]) -> None:
    async with receiving() as receiver:
        receiver.script = [lambda: web.Response(status=503, headers=headers)]
        async with forwarding({"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url}) as (forward, measures):
            forward("traces", BODY, 1)
            await receiver.came.wait()

        assert [body for _, body, _ in receiver.got] == [BODY, BODY]
        assert counted(measures, "sent") == 1


async def test_what_is_refused_for_good_is_counted_and_not_sent_again(receiver: Receiver) -> None:
    receiver.script = [lambda: web.Response(status=400)]
    async with forwarding({"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url}) as (forward, measures):
        forward("traces", BODY, 3)

    assert len(receiver.got) == 1
    assert counted(measures, "refused") == 3


async def test_full_queue_drops_and_counts(receiver: Receiver) -> None:
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url}
    async with forwarding(environ, most_bytes=2 * len(BODY)) as (forward, measures):
        for _ in range(5):
            forward("traces", BODY, 1)

    assert counted(measures, "queue_full") == 3
    assert counted(measures, "sent") == 2


async def test_what_a_dead_receiver_did_not_take_is_counted_when_it_ends() -> None:
    async with forwarding({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}) as (forward, measures):
        forward("traces", BODY, 4)
        await asyncio.sleep(0)

    assert counted(measures, "shutdown") == 4


@pytest.mark.parametrize("own", ["http://127.0.0.1:4080", "http://0.0.0.0:4080", "http://localhost:4080"])
async def test_it_is_not_passed_on_to_lumina_itself(own: str) -> None:
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4080/otlp"}
    async with forwarding(environ, own=(own,)) as (forward, measures):
        forward("traces", BODY, 1)

    assert list(measures.registry.collect())[-1].samples == []


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "localhost:4317"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "https://x", "OTEL_EXPORTER_OTLP_CERTIFICATE": "/nowhere.pem"},
    ],
)
async def test_without_a_receiver_nothing_is_queued(environ: dict[str, str]) -> None:
    async with forwarding(environ) as (forward, measures):
        forward("traces", BODY, 1)

    assert counted(measures, "shutdown") == 0


def test_own_addresses_are_those_the_supervisor_wrote_down(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert own_addresses(home) == []

    home.endpoints_file.write_bytes(msgspec.json.encode({"control": "http://127.0.0.1:4080", "pid": 7}))

    assert own_addresses(home) == [URL("http://127.0.0.1:4080")]
