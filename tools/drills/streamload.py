"""`python -m tools.drills.streamload URL KEY MODEL STREAMS SECONDS`: streams at once, for some seconds, as JSON.

It counts events as they come, also of streams that do not end within the time, and waits for these before it leaves.
"""

import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass, field
from typing import cast
from urllib.parse import urlsplit

import uvloop

from tools.drills import wire

_EVENT = b"data: {"
_GOOD = b"HTTP/1.1 200"
_DRAIN_SECONDS = 15


@dataclass
class Tally:
    """`events` came within the time, `all_events` also after it; `first_ms` from each request to its first event.

    `failed`: what was no stream, broke off, or had not ended when patience was over.
    """

    events: int = 0
    all_events: int = 0
    streams: int = 0
    failed: int = 0
    first_ms: list[float] = field(default_factory=list)


class Streams(asyncio.Protocol):
    """One connection that asks for a stream again and again until `until`."""

    def __init__(self, request: bytes, tally: Tally, until: float) -> None:
        self._request, self._tally, self._until = request, tally, until
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._begin()

    def _begin(self) -> None:
        self._headed = self._chunked = self._begun = self._done = False
        self._tail = b""
        self._sent = time.monotonic()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is of no asyncio class
        self._ask()

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        seen = self._tail + data
        count = seen.count(_EVENT)
        if count and not self._begun:
            self._begun = True
            self._tally.first_ms.append((now - self._sent) * 1000)
        self._tally.all_events += count
        if now < self._until:
            self._tally.events += count
        if not self._headed:
            self._headed, self._chunked = True, b"chunked" in data.partition(b"\r\n\r\n")[0]
            if not data.startswith(_GOOD):
                return self._transport.abort()
        # one byte less than an event's beginning is kept, so that none is counted twice
        self._done = self._done or b"[DONE]" in seen
        self._tail = seen[-(len(_EVENT) - 1) :]
        if self._done and seen.endswith(b"0\r\n\r\n" if self._chunked else b"\n\n"):
            self._end_stream(now)
        return None

    def connection_lost(self, error: Exception | None) -> None:
        if not self.over.done():
            self._tally.failed += 1
            self.over.set_result(None)

    def _ask(self) -> None:
        self._begin()
        self._transport.write(self._request)

    def _end_stream(self, now: float) -> None:
        self._tally.streams += 1
        if now < self._until:
            return self._ask()
        self.over.set_result(None)
        self._transport.close()
        return None


async def main(url: str, key: str, model: str, streams: int, seconds: float) -> None:
    """Print the tally, with the seconds that it holds for."""
    parts, tally = urlsplit(url), Tally()
    request = wire.request(key, model, stream=True).replace(b" /v1/chat/completions ", f" {parts.path} ".encode())
    until, loop = time.monotonic() + seconds, asyncio.get_running_loop()
    opened = [
        await loop.create_connection(lambda: Streams(request, tally, until), parts.hostname or "", parts.port or 80)
        for _ in range(streams)
    ]
    over = [connection.over for _, connection in opened]
    _, pending = await asyncio.wait(over, timeout=seconds + _DRAIN_SECONDS)
    tally.failed += len(pending)
    print(json.dumps({**asdict(tally), "seconds": seconds}))


if __name__ == "__main__":
    address, key, model, streams, seconds = sys.argv[1:]
    uvloop.run(main(address, key, model, int(streams), float(seconds)))
