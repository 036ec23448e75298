"""The control socket: one JSON object per line in, one answer per line out."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

LONGEST_REQUEST = 4096
IDLE_SECONDS = 60.0

Answering = Callable[[Mapping[str, object]], Awaitable[Mapping[str, object]]]


@asynccontextmanager
async def control_socket(path: Path, answer: Answering) -> AsyncIterator[None]:
    """Answer requests on a unix socket while the context is open."""
    _remove(path)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, TimeoutError, asyncio.CancelledError):
            await _converse(reader, writer, answer)
        writer.close()

    server = await asyncio.start_unix_server(serve, path, limit=LONGEST_REQUEST)
    try:
        yield
    finally:
        server.close()
        _remove(path)


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)


async def _converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: Answering) -> None:
    while line := await _line(reader):
        writer.write(json.dumps(await _answered(line, answer)).encode() + b"\n")
        await writer.drain()


async def _line(reader: asyncio.StreamReader) -> bytes:
    """The next request; nothing if the other side is done or sends more than a request can be."""
    try:
        return await asyncio.wait_for(reader.readline(), IDLE_SECONDS)
    except ValueError:
        return b""


async def _answered(line: bytes, answer: Answering) -> Mapping[str, object]:
    try:
        request = json.loads(line)
    except ValueError:
        request = None
    if not isinstance(request, dict):
        return {"ok": False, "error": "A request is one JSON object on one line."}
    return await answer(request)
