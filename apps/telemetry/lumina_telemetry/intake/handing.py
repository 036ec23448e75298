"""Hands stripped content to control, which keeps it encrypted. Bounded: what does not fit is dropped and counted."""

import asyncio
from collections import deque
from collections.abc import Iterable
from pathlib import Path

import msgspec
from aiohttp import ClientError, ClientSession, ClientTimeout, UnixConnector

from lumina_contracts.content import MOST_BYTES, MOST_RECORDS, ContentRecord
from lumina_kit import logs
from lumina_telemetry.measures import Measures

_log = logs.get(__name__)
_URL = "http://control/content"
_TIMEOUT = ClientTimeout(total=10.0)
_QUEUE_BYTES = 2 * MOST_BYTES
_BATCH_BYTES = MOST_BYTES - 64 * 1024
_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 30.0
_AWAY = 500


class Handing:
    """Call it with records; `run` posts them to control's socket."""

    def __init__(self, socket: Path, measures: Measures) -> None:
        self._socket = socket
        self._measures = measures
        self._queue: deque[bytes] = deque()
        self._bytes = 0
        self._filled = asyncio.Event()

    def __call__(self, records: Iterable[ContentRecord]) -> None:
        for record in records:
            encoded = msgspec.json.encode(record)
            if self._bytes + len(encoded) > _QUEUE_BYTES:
                self._measures.dropped("content", "queue_full")
                continue
            self._queue.append(encoded)
            self._bytes += len(encoded)
            self._filled.set()

    async def run(self) -> None:
        """Post until cancelled. What waits then is lost: it touches no disk unencrypted."""
        async with ClientSession(connector=UnixConnector(str(self._socket))) as session:
            while True:
                await self._filled.wait()
                batch = self._next()
                await self._post(session, batch)
                self._bytes -= sum(map(len, batch))
                if not self._queue:
                    self._filled.clear()

    def _next(self) -> list[bytes]:
        batch: list[bytes] = []
        size = 0
        while self._queue and len(batch) < MOST_RECORDS and size + len(self._queue[0]) < _BATCH_BYTES:
            batch.append(self._queue.popleft())
            size += len(batch[-1]) + 1
        return batch

    async def _post(self, session: ClientSession, batch: list[bytes]) -> None:
        """Again and again while control is away; what it refuses is lost."""
        body = b'{"records":[' + b",".join(batch) + b"]}"
        pause = _FIRST_PAUSE
        while True:
            status = await _status(session, body)
            if status < _AWAY:
                break
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
        if status >= 300:
            self._measures.dropped("content", "refused", len(batch))
            _log.warning("control refused content", status=status, records=len(batch))


async def _status(session: ClientSession, body: bytes) -> int:
    try:
        async with session.post(_URL, data=body, timeout=_TIMEOUT) as answer:
            return answer.status
    except (ClientError, OSError, TimeoutError):
        return _AWAY
