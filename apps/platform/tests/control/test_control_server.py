"""The public socket against clients that do not keep to the rules."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest
import uvicorn

from lumina_platform.control.protocol import bounded
from lumina_platform.control.server import Server

ANSWER = b"HTTP/1.1 200 OK"


REQUEST = b"GET / HTTP/1.1\r\nhost: x\r\n"
LAST = REQUEST + b"connection: close\r\n\r\n"


async def plain(scope: object, receive: object, send: object) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})  # type: ignore[operator]  # ASGI's own shape
    await send({"type": "http.response.body", "body": b"ok"})  # type: ignore[operator]  # ASGI's own shape


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """A server with small bounds."""
    listening = socket.create_server(("127.0.0.1", 0))
    protocol = bounded(head_bytes=2000, head_seconds=0.3)
    server = Server(
        uvicorn.Config(plain, http=protocol, lifespan="off", ws="none", log_config=None, timeout_graceful_shutdown=1)
    )
    serving = asyncio.create_task(server.serve([listening]))
    yield listening.getsockname()[1]
    server.should_exit = True
    await serving


async def said(port: int, *chunks: bytes) -> bytes:
    """All that the server answers to these bytes until it closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for chunk in chunks:
            writer.write(chunk)
            await writer.drain()
            await asyncio.sleep(0.01)
        async with asyncio.timeout(10):
            return await reader.read()
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def test_proper_request_is_answered(port: int) -> None:
    assert (await said(port, b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")).startswith(ANSWER)


@pytest.mark.parametrize(
    "chunks", [[], [b"GET / HT"], [b"GET / HTTP/1.1\r\nhost: x\r\n"]], ids=["silent", "line", "head"]
)
async def test_slow_head_ends_with_408(port: int, chunks: list[bytes]) -> None:
    answer = await said(port, *chunks)

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"code":"slow_head"' in answer


@pytest.mark.parametrize("head", [b"x: y\r\n" * 500, b"x: " + b"y" * 3000], ids=["many headers", "one header"])
async def test_large_head_ends_with_431(port: int, head: bytes) -> None:
    answer = await said(port, b"GET / HTTP/1.1\r\n" + head)

    assert answer.startswith(b"HTTP/1.1 431 ")
    assert b'"code":"head_too_large"' in answer


@pytest.mark.parametrize(
    "request_",
    [
        REQUEST + b"x: " + b"y" * 3000 + b"\r\n\r\n",
        REQUEST + b"x: y\r\n" * 101 + b"\r\n",
        b"GET /" + b"y" * 3000 + b" HTTP/1.1\r\nhost: x\r\n\r\n",
    ],
    ids=["one header", "many headers", "address"],
)
async def test_large_head_that_comes_whole_ends_with_431(port: int, request_: bytes) -> None:
    answer = await said(port, request_)

    assert answer.startswith(b"HTTP/1.1 431 ")
    assert b'"next_step"' in answer


async def test_burst_of_small_requests_is_answered_one_by_one(port: int) -> None:
    answer = await said(port, (REQUEST + b"\r\n") * 4999 + LAST)

    assert answer.count(ANSWER) == 5000
    assert b" 431 " not in answer


@pytest.mark.parametrize("sent", [b"", b"y" * 1900])
async def test_body_that_nobody_waits_for_any_more_ends_the_connection(port: int, sent: bytes) -> None:
    answer = await said(port, b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5000\r\n\r\n", sent)

    assert answer.startswith(ANSWER)


async def test_late_body_of_an_answered_request_leaves_the_connection_usable(port: int) -> None:
    head = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5000\r\n\r\n"

    answer = await said(port, head, b"y" * 5000, LAST)

    assert answer.count(ANSWER) == 2


@pytest.mark.parametrize("start", [b"\x16\x03\x01\x02\x00", b"HELLO\r\n\r\n", b"GET /\xff HTTP/1.1\r\n\r\n"])
async def test_what_is_not_http_ends_with_400(port: int, start: bytes) -> None:
    answer = await said(port, start)

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b'"code":"not_http"' in answer


async def test_second_request_on_a_connection_has_a_head_of_its_own(port: int) -> None:
    request = b"GET / HTTP/1.1\r\nhost: x\r\nfill: " + b"y" * 1500 + b"\r\n"

    answer = await said(port, request + b"\r\n", request + b"connection: close\r\n\r\n")

    assert answer.count(ANSWER) == 2
