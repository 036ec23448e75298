"""What is asked and answered in projects that capture it, on its way to control: never to a disk of ours.

It delays no answer: with no room, or with control away, it is dropped and counted.
"""

import asyncio
import time
from collections import deque
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from aiohttp import ClientError, ClientSession, ClientTimeout, UnixConnector
from msgspec import Raw, Struct, json
from msgspec.structs import replace

from lumina_contracts import attributes as names
from lumina_contracts.content import ContentBatch, ContentRecord, Kind
from lumina_inference.gateway.calls import Call
from lumina_inference.gateway.capture import Content, Room
from lumina_inference.gateway.metrics import Metrics
from lumina_inference.gateway.settings import GatewaySettings

_BATCH_RECORDS = 200
_BATCH_BYTES = 2**20  # six times that as JSON at worst, which control still takes
_MOST_WAITING = 4096
_PAUSE_SECONDS = 0.2
_CLOSING_SECONDS = 2.0
_TIMEOUT = ClientTimeout(total=10, connect=3)
_URL = "http://control/content"
_OK = 200
_NOT_YET = Raw()


class _Waiting(Struct, eq=False):
    """A record without its body, which becomes JSON only when it is sent."""

    record: ContentRecord
    data: bytes


class Capturing:
    """Hands captured content to control, in batches; an async context."""

    def __init__(self, socket: Path, settings: GatewaySettings, metrics: Metrics) -> None:
        self._most = settings.content_record_bytes
        self._room = Room(settings.content_queue_bytes)
        self._metrics = metrics
        self._waiting: deque[_Waiting] = deque()
        self._due = asyncio.Event()
        self._session = ClientSession(connector=UnixConnector(str(socket)), timeout=_TIMEOUT)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Send what is left, for two seconds at most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSING_SECONDS):
                await self._flush()
        self._drop(list(self._waiting), "shutdown")
        await self._session.close()

    def begin(self) -> Content:
        """Where a request that is captured leaves what is said."""
        return Content(self._room, self._most)

    def keep(self, call: Call) -> None:
        """Queue what was said in a request that is over."""
        content = call.content
        if content is None:
            return
        self._add(call, "request", call.started_ns, content.request, content.request_bytes)
        self._add(call, "answer", time.time_ns(), bytes(content.answer), content.answer_bytes)

    async def run(self) -> None:
        """Send for ever, a moment after something came."""
        while True:
            await self._due.wait()
            self._due.clear()
            await asyncio.sleep(_PAUSE_SECONDS)
            await self._flush()

    def _add(self, call: Call, kind: Kind, at_ns: int, data: bytes, size: int) -> None:
        if not size:
            return
        waiting = _Waiting(_record(call, kind, at_ns, size, cut=len(data) < size), data)
        if not data or len(self._waiting) >= _MOST_WAITING:
            self._drop([waiting], "queue_full")
            return
        self._waiting.append(waiting)
        self._due.set()

    def _drop(self, lost: list[_Waiting], reason: str) -> None:
        self._room.give(sum(len(each.data) for each in lost))
        if lost:
            self._metrics.content_dropped(reason, len(lost))

    async def _flush(self) -> None:
        while batch := self._next():
            if await self._sent(batch):
                self._room.give(sum(len(each.data) for each in batch))
            else:
                self._drop(batch, "control_unavailable")

    def _next(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        size = 0
        while self._waiting and len(batch) < _BATCH_RECORDS:
            size += len(self._waiting[0].data)
            if batch and size > _BATCH_BYTES:
                break
            batch.append(self._waiting.popleft())
        return batch

    async def _sent(self, batch: list[_Waiting]) -> bool:
        body = json.encode(ContentBatch([_with_body(each) for each in batch]))
        try:
            async with self._session.post(_URL, data=body, allow_redirects=False) as answer:
                return answer.status == _OK
        except (ClientError, OSError, TimeoutError):
            return False


def _record(call: Call, kind: Kind, at_ns: int, size: int, *, cut: bool) -> ContentRecord:
    assert call.caller is not None
    return ContentRecord(
        project=call.caller.key.project_id,
        trace_id=call.trace.trace_id,
        span_id=call.trace.span_id,
        at_ns=at_ns,
        source="gateway",
        kind=kind,
        body=_NOT_YET,
        request_id=call.request_id,
        key_id=call.caller.key.id,
        route=call.choices.route.name if call.choices else None,
        model=call.model or names.UNKNOWN,
        status=call.status,
        size_bytes=size,
        cut=cut,
    )


def _with_body(waiting: _Waiting) -> ContentRecord:
    return replace(waiting.record, body=Raw(json.encode(waiting.data.decode("utf-8", "replace"))))
