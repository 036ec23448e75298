"""What the comparison with a real Prometheus and Alertmanager needs: numbers, a web server, programs."""

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from aiohttp import ClientError, ClientSession, web
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from apps.telemetry.tests.store_world import World
from lumina_contracts import attributes as names
from lumina_telemetry.intake.metrics import MetricsDecoder
from lumina_telemetry.intake.sender import Sender
from lumina_telemetry.reporting import encode
from lumina_telemetry.rules.alerting import Alert
from lumina_telemetry.rules.evaluator import Evaluator

EVERY = 2.0
SCRAPED = 0.5
JOB, INSTANCE = "lumina-gateway", "one"
PATIENCE = 40.0
SECOND = 10**9


class Gateway:
    """Numbers as a gateway, telemetry and control have them: of a good day, and of a bad one."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        call = [name.replace(".", "_") for name in names.OPERATION_DURATION.labels]
        self.duration = Histogram(
            names.OPERATION_DURATION.prometheus, "d", call, buckets=names.OPERATION_DURATION.buckets, registry=registry
        )
        self.overhead = Histogram("lumina_gateway_overhead_seconds", "o", buckets=(0.1, 0.2, 1.0), registry=registry)
        self.dropped = Counter("lumina_gateway_spans_dropped", "d", ["reason"], registry=registry)
        self.gauges = {
            ("lumina_part_up", "part", "control"): (1.0, 0.0),
            ("lumina_telemetry_disk_free_bytes", "", ""): (9e9, 5e8),
            ("lumina_gateway_span_queue_age_seconds", "", ""): (0.0, 60.0),
            ("lumina_telemetry_queue_age_seconds", "", ""): (0.0, 60.0),
            ("lumina_outbox_oldest_seconds", "", ""): (0.0, 60.0),
        }
        self.circuit = Gauge(
            names.BACKEND_AVAILABLE.prometheus, "g", ["lumina_route", "lumina_backend"], registry=registry
        )
        self.budget = Gauge(
            names.BUDGET_USED.prometheus, "g", ["lumina_key_id", "lumina_project_id"], registry=registry
        )
        self.made = {key: Gauge(key[0], "g", [key[1]] if key[1] else [], registry=registry) for key in self.gauges}
        self.disk = Gauge("system_filesystem_usage_bytes", "d", ["state", "mountpoint"], registry=registry)
        self.bad = False
        self.dropped.labels("full")

    def work(self) -> None:
        """A few requests."""
        self.circuit.labels("r1", "b1").set(0.0 if self.bad else 1.0)
        for key_id in ("k1", ""):
            self.budget.labels(key_id, "p1").set(0.9 if self.bad else 0.5)
        for key, values in self.gauges.items():
            gauge = self.made[key]
            (gauge.labels(key[2]) if key[1] else gauge).set(values[self.bad])
        for state, value in (("used", 95.0 if self.bad else 40.0), ("free", 5.0 if self.bad else 60.0)):
            self.disk.labels(state, "/").set(value)
        for kind, slow in (("", 2.0 if self.bad else 0.02), ("backend_failed", 2.0)):
            child = self.duration.labels("chat", "openai", "m", "r1", "b1", kind)
            for _ in range(10 if self.bad or not kind else 0):
                child.observe(slow)
        for _ in range(10):
            self.overhead.observe(0.5 if self.bad else 0.01)
        self.dropped.labels("full").inc(10 if self.bad else 0)


@dataclass
class Side:
    """Everything of Lumina that the comparison needs."""

    gateway: Gateway
    store: World
    evaluator: Evaluator
    pushed: list[float] = field(default_factory=list)

    async def push(self) -> None:
        """Work, be scraped by nobody, and report by OTLP."""
        decoder, started = MetricsDecoder(self.store.settings), time.time_ns()
        while True:
            self.gateway.work()
            request = encode(self.gateway.registry, JOB, INSTANCE, started, time.time_ns())
            await self.store.stored(decoder.decode(request, Sender()).batch)
            self.pushed.append(time.time())
            await asyncio.sleep(SCRAPED)

    def alerts(self) -> list[Alert]:
        running = [each for group in self.evaluator.groups for each in group.rules]
        return [alert for each in running if each.alerts for alert in each.alerts.all]

    def firing(self) -> set[str]:
        return {label_text(alert.labels) for alert in self.alerts() if alert.state == "firing"}


@dataclass
class Mailbox:
    """A web server that takes webhooks."""

    ours: list[dict[str, Any]] = field(default_factory=list)
    theirs: list[dict[str, Any]] = field(default_factory=list)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[int]:
        app = web.Application()
        app.add_routes([web.post("/ours", self.post), web.post("/theirs", self.post)])
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", port := free_port())
        await site.start()
        try:
            yield port
        finally:
            await runner.cleanup()

    async def post(self, request: web.Request) -> web.Response:
        (self.ours if request.path == "/ours" else self.theirs).append(await request.json())
        return web.Response()


@contextmanager
def scraped(registry: CollectorRegistry) -> Iterator[int]:
    """/metrics, served by a thread: what else the test is at must not keep Prometheus waiting."""
    server, thread = start_http_server(port := free_port(), "127.0.0.1", registry)
    try:
        yield port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def longest_gap(times: Sequence[float]) -> float:
    """Between two neighbours: on a busy machine, more than was meant."""
    return max((after - before for before, after in pairwise(times)), default=0.0)


def label_text(labels: Any) -> str:
    return json.dumps(dict(labels), sort_keys=True)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@asynccontextmanager
async def program(folder: Path, *command: str, ready: str) -> AsyncIterator[None]:
    null = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(*command, cwd=folder, stdout=null, stderr=null)
    try:
        async with ClientSession() as session, asyncio.timeout(PATIENCE):
            await till(lambda: answers(session, ready))
        yield
    finally:
        process.kill()
        await process.wait()


async def till(true: Callable[[], Awaitable[bool]]) -> None:
    while True:
        if await true():
            return
        await asyncio.sleep(0.1)


async def answers(session: ClientSession, url: str) -> bool:
    with suppress(ClientError):
        async with session.get(url) as answer:
            return answer.status == 200
    return False
