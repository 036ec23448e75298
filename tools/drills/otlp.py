"""Senders of spans: batches that are numbered, sent at a pace, and sent again until they are taken, as exporters do."""

import asyncio
import secrets
import time
from collections import Counter
from dataclasses import dataclass, field

from aiohttp import ClientError, ClientSession, ClientTimeout
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tools.running import Running

SPANS_A_BATCH = 500
AGAIN_SECONDS = 0.5
PROTOBUF = "application/x-protobuf"
_TIMEOUT = ClientTimeout(total=30)


@dataclass
class Batch:
    """One trace, sent whole; `taken` is when that was acknowledged, monotonic."""

    trace_id: bytes
    taken: float | None = None


@dataclass
class Senders:
    """What they sent, by number, and with which status each attempt was answered; 0 where nothing came back."""

    running: Running
    service: str
    batches: list[Batch] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    retry_after: set[str] = field(default_factory=set)
    _run: bytes = field(default_factory=lambda: secrets.token_bytes(8))

    async def pace(self, per_second: float, seconds: float) -> None:
        """Send a batch whenever one is due; return when all are taken."""
        count, began = int(per_second * seconds / SPANS_A_BATCH), time.monotonic()
        async with opened(self.running) as session, asyncio.TaskGroup() as tasks:
            for number in range(count):
                await asyncio.sleep(max(0.0, began + number * SPANS_A_BATCH / per_second - time.monotonic()))
                batch = Batch(self._run + len(self.batches).to_bytes(8, "big"))
                self.batches.append(batch)
                tasks.create_task(self._until_taken(session, batch))

    async def _until_taken(self, session: ClientSession, batch: Batch) -> None:
        body = numbered(batch.trace_id, self.service)
        while not await self._taken(session, body):
            pass
        batch.taken = time.monotonic()

    async def _taken(self, session: ClientSession, body: bytes) -> bool:
        status = await self._status(session, body)
        self.statuses[status] += 1
        if status != 200:
            await asyncio.sleep(AGAIN_SECONDS)
        return status == 200

    async def _status(self, session: ClientSession, body: bytes) -> int:
        try:
            async with session.post("/otlp/v1/traces", data=body) as answer:
                await answer.read()
                if answer.status == 503:
                    self.retry_after.add(answer.headers.get("Retry-After", ""))
                return answer.status
        except (ClientError, TimeoutError):
            return 0


def opened(running: Running) -> ClientSession:
    """A session with control; what it sends is protobuf unless it says otherwise."""
    headers = {"Authorization": f"Bearer {running.admin_key}", "Content-Type": PROTOBUF}
    return ClientSession(running.control, headers=headers, timeout=_TIMEOUT)


def numbered(trace_id: bytes, service: str) -> bytes:
    """A root and its children, `SPANS_A_BATCH` together, begun now."""
    now = time.time_ns()
    spans = [
        made(trace_id, number, 0 if number == 1 else 1, start_ns=now + number) for number in range(1, SPANS_A_BATCH + 1)
    ]
    return request(spans, service)


def made(trace_id: bytes, number: int, parent: int = 0, start_ns: int = 0, duration_ns: int = 10**6) -> Span:
    """Span `number`, begun now if no start is told; parent 0 stands for none."""
    start = start_ns or time.time_ns()
    return Span(
        trace_id=trace_id,
        span_id=number.to_bytes(8, "big"),
        parent_span_id=parent.to_bytes(8, "big") if parent else b"",
        name=f"step {number}",
        start_time_unix_nano=start,
        end_time_unix_nano=start + duration_ns,
    )


def request(spans: list[Span], service: str) -> bytes:
    """An export request of one service."""
    asked = ExportTraceServiceRequest()
    resource = asked.resource_spans.add()
    resource.resource.attributes.add(key="service.name").value.string_value = service
    resource.scope_spans.add().spans.extend(spans)
    return bytes(asked.SerializeToString())
