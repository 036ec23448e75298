"""`python -m tools.drills.provider FD`: a provider in a process of its own, fast, paced, and faulty on purpose.

It serves on an inherited socket. What it does is in the path, so that each backend of a configuration can differ:
`/first-20/gap-10/tokens-40/faults-100/v1` waits 20 ms for the first token and 10 ms between tokens, and spoils 100 of
10,000 requests. `/stats` tells what it has done.
"""

import asyncio
import json
import os
import random
import socket
import sys
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from typing import cast

import uvloop

from tools.drills import wire
from tools.drills.faults import BEFORE, LATE_SECONDS, MIDWAY, SHARES, STALL_SECONDS

DEFAULTS = {"first": 0, "gap": 0, "tokens": 40, "faults": 0}
_STREAM_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
_MODELS = json.dumps({"object": "list", "data": [{"id": "stub", "object": "model", "owned_by": "stub"}]}).encode()


@dataclass
class Work:
    """What the provider has done since its start."""

    counts: Counter[str] = field(default_factory=Counter)
    connections: set[asyncio.Transport] = field(default_factory=set)
    draw: random.Random = field(default_factory=lambda: random.Random(1))

    def told(self) -> bytes:
        return json.dumps({**self.counts, "connections": len(self.connections)}).encode()


class Provider(asyncio.Protocol):
    """One connection: a request at a time."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._buffer = b""
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is of no asyncio class
        self._work.connections.add(self._transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._work.connections.discard(self._transport)
        if self._task is not None:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if found and len(rest) >= (size := _length(head)):
            self._buffer = rest[size:]
            self._answer(head.split(b" ", 2)[1].decode(), rest[:size])

    def _answer(self, path: str, body: bytes) -> None:
        if path == "/stats":
            self._send(200, self._work.told())
        elif path.endswith(("/models", "/health")):
            self._work.counts["probes"] += 1
            self._send(200, _MODELS)
        else:
            self._complete(_options(path), stream=b'"stream": true' in body or b'"stream":true' in body)

    def _complete(self, options: dict[str, int], *, stream: bool) -> None:
        self._work.counts["requests"] += 1
        fault = self._fault(options["faults"], stream)
        if fault:
            self._work.counts[fault] += 1
        if not (stream or options["first"] or fault):
            return self._send(200, _plain(options["tokens"]))
        self._task = asyncio.ensure_future(self._slowly(options, fault, stream))
        return None

    def _fault(self, in_ten_thousand: int, stream: bool) -> str:
        if self._work.draw.random() * 10_000 >= in_ten_thousand:
            return ""
        kinds = (*BEFORE, *MIDWAY) if stream else BEFORE
        return self._work.draw.choices(kinds, [SHARES.get(kind, 1.0) for kind in kinds])[0]

    async def _slowly(self, options: dict[str, int], fault: str, stream: bool) -> None:
        if options["first"]:
            await asyncio.sleep(options["first"] / 1000)
        if fault in BEFORE and not await self._spoiled(fault, options["tokens"]):
            return
        if stream:
            await self._stream(options, fault)
        else:
            self._send(200, _plain(options["tokens"]))

    async def _spoiled(self, fault: str, tokens: int) -> bool:
        """Fail before anything of the answer is sent; whether a good answer follows."""
        if fault == "late":
            await asyncio.sleep(LATE_SECONDS)
            return True
        if fault == "reset":
            self._transport.abort()
        elif fault == "short":
            self._transport.write(_head(200, len(_plain(tokens))) + _plain(tokens)[:-20])
            self._transport.close()
        elif fault == "rate_limited":
            self._send(429, _error("slow down"))
        else:
            self._send(int(fault.removeprefix("status_")), _error(f"injected: {fault}"))
        return False

    async def _stream(self, options: dict[str, int], fault: str) -> None:
        events, gap = _events(options["tokens"]), options["gap"] / 1000
        spoiled_at = self._work.draw.randrange(1, options["tokens"]) if fault in MIDWAY else -1
        self._transport.write(_STREAM_HEAD)
        for place, event in enumerate(events):
            if place == spoiled_at and not await self._spoiled_midway(fault):
                return
            self._transport.write(_chunk(event))
            if gap and place < options["tokens"]:
                await asyncio.sleep(gap)
        self._transport.write(b"0\r\n\r\n")

    async def _spoiled_midway(self, fault: str) -> bool:
        if fault == "malformed":
            self._transport.write(_chunk(b'data: {"id": "chatcmpl-stub", "choices": [{"ind\n\n') + b"0\r\n\r\n")
        elif fault == "stall":
            await asyncio.sleep(STALL_SECONDS)
            return True
        else:
            self._transport.abort()
        return False

    def _send(self, status: int, body: bytes, more: str = "") -> None:
        self._transport.write(_head(status, len(body), more) + body)


def _head(status: int, size: int, more: str = "") -> bytes:
    return f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n{more}Content-Length: {size}\r\n\r\n".encode()


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _error(message: str) -> bytes:
    return json.dumps({"error": {"message": message, "type": "server_error", "param": None, "code": None}}).encode()


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            return int(line[15:])
    return 0


_plain = cache(wire.plain)
_events = cache(wire.events)


@cache
def _options(path: str) -> dict[str, int]:
    """Numbers of the path's parts such as `first-20`."""
    given = (part.partition("-") for part in path.split("/"))
    return DEFAULTS | {name: int(value) for name, dash, value in given if dash and name in DEFAULTS}


async def main(listening: socket.socket) -> None:
    """Serve until killed, or until who started us is gone."""
    work, starter = Work(), os.getppid()
    await asyncio.get_running_loop().create_server(lambda: Provider(work), sock=listening, backlog=2048)
    while os.getppid() == starter:  # noqa: ASYNC110  # there is no event for it
        await asyncio.sleep(1)


if __name__ == "__main__":
    uvloop.run(main(socket.socket(fileno=int(sys.argv[1]))))
