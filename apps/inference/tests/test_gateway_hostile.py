"""Hostile callers: each gets its proper error, within bounds of time and memory."""

import asyncio
import json
import resource
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from apps.inference.tests.gateway_world import (
    NOW,
    USER_KEY,
    Answerer,
    Running,
    backend,
    chunk,
    gateway,
    key,
    plain_chat,
    provider,
    snapshot,
    streaming,
)
from lumina_contracts.snapshot import KeyEntry

CHAT = "/v1/chat/completions"
AUTH = f"Authorization: Bearer {USER_KEY}\r\n"
HELLO = b'{"model":"m","messages":[{"role":"user","content":"hi"}]}'


@pytest.fixture
async def running() -> AsyncIterator[Running]:
    async with provider(plain_chat) as upstream, gateway(snapshot(backend(upstream.url))) as opened:
        yield opened


def head(*lines: str, method: str = "POST", path: str = CHAT) -> bytes:
    return "".join((f"{method} {path} HTTP/1.1\r\nHost: x\r\n", *(f"{line}\r\n" for line in lines), "\r\n")).encode()


def request(body: bytes, *lines: str) -> bytes:
    return head(AUTH.strip(), "Content-Type: application/json", f"Content-Length: {len(body)}", *lines) + body


def streaming_plain(padding: bytes) -> Answerer:
    async def answer(request: web.Request, body: Any) -> web.StreamResponse:
        return web.Response(body=b"{}" + padding, content_type="application/json")

    return answer


def parsed(answer: bytes) -> tuple[int, dict[str, Any]]:
    """Status and error of the first answer on a connection."""
    top, _, rest = answer.partition(b"\r\n\r\n")
    body, _ = json.JSONDecoder().raw_decode(rest.decode())
    return int(top.split()[1]), body.get("error", body)


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "invalid_json"),
        (b"{", "invalid_json"),
        (b"[]", "invalid_json"),
        (b"null", "invalid_json"),
        (b'{"model":"m","messages":[{"role":"user","content":"\xff\xfe"}]}', "invalid_json"),
        (b'{"mod\xff":1}', "invalid_json"),
        (b'\xef\xbb\xbf{"model":"m"}', "invalid_json"),
        (b'{"model":"m","messages":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "invalid_json"),
        (b'{"model":"m","messages":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"}", "invalid_json"),
        (b'{"model":"m"}', "missing_required_parameter"),
        (b'{"messages":[]}', "missing_required_parameter"),
        (b'{"model":null,"messages":[]}', "missing_required_parameter"),
        (b'{"model":1,"messages":[]}', None),
        (b'{"model":"","messages":[]}', None),
        (b'{"model":"m","messages":{}}', None),
        (b'{"model":"m","messages":[],"stream":"yes"}', None),
        (b'{"model":"m","messages":[],"stream":true,"stream_options":1}', None),
        (b'{"model":"m","messages":[],"stream":true,"stream_options":{"include_usage":1}}', None),
    ],
)
async def test_malformed_body_is_a_bad_request(running: Running, body: bytes, code: str | None) -> None:
    status, answer, _ = await running.post(CHAT, body)

    assert (status, answer["error"]["code"]) == (400, code)
    assert answer["error"]["type"] == "invalid_request_error"


async def test_hundred_thousand_messages_are_refused(running: Running) -> None:
    messages = [{"role": "user", "content": "hi"}] * 100_000

    status, answer, _ = await running.post(CHAT, {"model": "m", "messages": messages})

    assert (status, answer["error"]["code"], answer["error"]["param"]) == (400, "array_above_max_length", "messages")


async def test_millions_of_tiny_parameters_are_refused_before_they_become_objects(running: Running) -> None:
    body = b'{"model":"m","messages":[],' + b",".join(b'"%d":1' % number for number in range(1_000_000)) + b"}"
    before = peak_mib()

    status, answer, _ = await running.post(CHAT, body)

    assert (status, "beside the prompt" in answer["error"]["message"]) == (400, True)
    assert peak_mib() - before < 100


@pytest.mark.parametrize("declared", [True, False])
async def test_fifty_megabytes_are_refused_without_being_held(running: Running, declared: bool) -> None:
    size = 50 * 2**20
    framing = f"Content-Length: {size}" if declared else "Transfer-Encoding: chunked"
    reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
    before = peak_mib()

    writer.write(head(AUTH.strip(), "Content-Type: application/json", framing))
    piece = b" " * 2**16
    piece = piece if declared else b"10000\r\n" + piece + b"\r\n"
    try:
        for _ in range(size // 2**16):
            writer.write(piece)
            await writer.drain()
    except ConnectionError:
        pass
    status, error = parsed(await reader.readuntil(b"}}"))
    writer.close()

    assert (status, error["code"]) == (413, "request_too_large")
    assert peak_mib() - before < 60


async def test_chunks_without_end_are_refused(running: Running) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", running.port)

    async def pour() -> None:
        writer.write(head(AUTH.strip(), "Content-Type: application/json", "Transfer-Encoding: chunked"))
        while True:
            writer.write(b"10000\r\n" + b" " * 2**16 + b"\r\n")
            await writer.drain()

    pouring = asyncio.create_task(pour())
    async with asyncio.timeout(20):
        status, error = parsed(await reader.readuntil(b"}}"))
    pouring.cancel()
    writer.close()

    assert (status, error["code"]) == (413, "request_too_large")


async def test_all_bodies_together_are_bounded() -> None:
    async with (
        provider(plain_chat) as upstream,
        gateway(snapshot(backend(upstream.url)), max_bodies_bytes=1000) as running,
    ):
        large, _, _ = await running.post(CHAT, HELLO + b" " * 2000)
        small, _, _ = await running.post(CHAT, HELLO)

    assert (large, small) == (503, 200)


async def test_headers_that_never_end_get_a_timeout() -> None:
    async with gateway(snapshot(), header_timeout_seconds=0.1) as running:
        answer = await running.raw(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nX-Slow: ")

    status, error = parsed(answer)
    assert (status, error["code"]) == (408, "request_timeout")


async def test_headers_that_trickle_get_no_more_time() -> None:
    async with gateway(snapshot(), header_timeout_seconds=0.2) as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n")

        async def trickle() -> None:
            while True:
                writer.write(b"X-A: b\r\n")
                await asyncio.sleep(0.02)

        trickling = asyncio.create_task(trickle())
        async with asyncio.timeout(5):
            status, _ = parsed(await reader.readuntil(b"}}"))
        trickling.cancel()
        writer.close()

    assert status == 408


async def test_body_that_never_ends_gets_a_timeout() -> None:
    async with gateway(snapshot(), body_timeout_seconds=0.1) as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        writer.write(head(AUTH.strip(), "Content-Type: application/json", "Content-Length: 100") + b'{"mo')
        status, error = parsed(await reader.readuntil(b"}}"))
        writer.close()

    assert (status, error["code"]) == (408, "request_timeout")


async def test_idle_connection_is_closed() -> None:
    async with gateway(snapshot(), keepalive_seconds=0.1) as running:
        assert await running.raw(b"") == b""


@pytest.mark.parametrize(
    "line",
    ["X-Big: " + "a" * 100_000, "Cookie: " + "a" * 20_000, "\r\n".join(f"X-{number}: a" for number in range(500))],
)
async def test_gigantic_headers_are_refused(running: Running, line: str) -> None:
    status, error = parsed(await running.raw(head(AUTH.strip(), line)))

    assert (status, error["code"]) == (431, "headers_too_large")


async def test_gigantic_request_line_is_refused(running: Running) -> None:
    status, _ = parsed(await running.raw(head(path="/v1/" + "a" * 100_000)))

    assert status == 431


@pytest.mark.parametrize(
    "lines",
    [
        (AUTH.strip(), AUTH.strip(), "Content-Length: 0"),
        (AUTH.strip(), "Content-Length: 1", "Content-Length: 2"),
        (AUTH.strip(), "Content-Length: 1", "Content-Length: 1"),
        (AUTH.strip(), "Content-Type: application/json", "Content-Type: text/plain", "Content-Length: 0"),
        (AUTH.strip(), "Content-Length: 1", "Transfer-Encoding: chunked"),
        ("Host: y", "Content-Length: 0"),
        ("Content-Length: -1",),
        ("Content-Length: 1e3",),
        ("Bad Header: x",),
        ("Transfer-Encoding: gzip, identity",),
    ],
)
async def test_ambiguous_headers_are_refused(running: Running, lines: tuple[str, ...]) -> None:
    sent = head(*lines) if lines[0].startswith("Host") else head(*lines, "Connection: close")

    status, error = parsed(await running.raw(sent))

    assert status == 400
    assert error["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    "sent", [b"\x16\x03\x01\x02\x00\x01", b"GET / HTTP/9.9\r\n\r\n", b"\x00" * 50, b"hello\r\n\r\n"]
)
async def test_what_is_no_http_is_refused_in_openais_shape(running: Running, sent: bytes) -> None:
    status, error = parsed(await running.raw(sent))

    assert (status, error["code"]) == (400, "bad_http")


async def test_pipelined_requests_are_answered_in_order(running: Running) -> None:
    last = head("Connection: close", method="GET", path="/healthz")

    answer = await running.raw(request(HELLO) + request(b"{") + request(HELLO) + last)

    statuses = [int(part.split(b" ", 1)[0]) for part in answer.split(b"HTTP/1.1 ")[1:]]
    assert statuses == [200, 400, 200, 200]


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic abc",
        "Bearer wrong",
        f"Token {USER_KEY}",
        "Bearer \udcff",
        "Bearer " + "a" * 8000,
    ],
)
async def test_wrong_credentials_are_refused_with_a_challenge(running: Running, authorization: str) -> None:
    line = f"Authorization: {authorization}\r\n".encode("utf-8", "surrogateescape")
    top = head("Content-Length: 0", "Connection: close").removesuffix(b"\r\n") + line + b"\r\n"

    answer = await running.raw(top)

    assert parsed(answer)[0] == 401
    assert parsed(answer)[1]["code"] == "invalid_api_key"
    assert b"www-authenticate: bearer" in answer.lower()


def keys(**more: Any) -> tuple[KeyEntry, ...]:
    return (key("lk-admin-0123456789", name="admin", role="admin"), key(USER_KEY, **more))


async def test_expired_key_is_refused() -> None:
    async with gateway(snapshot(keys=keys(expires_at=NOW.timestamp()))) as running:
        status, answer, _ = await running.post(CHAT, HELLO)

    assert (status, answer["error"]["message"]) == (401, "The API key has expired.")


async def test_key_without_the_scope_is_forbidden() -> None:
    async with gateway(snapshot(keys=keys(scopes=("otlp",)))) as running:
        status, answer, _ = await running.post(CHAT, HELLO)

    assert (status, answer["error"]["code"]) == (403, "insufficient_permissions")


@pytest.mark.parametrize(
    "header", [{"Content-Type": "text/plain"}, {"Content-Type": "multipart/form-data"}, {"Content-Encoding": "gzip"}]
)
async def test_media_that_is_no_plain_json_is_refused(running: Running, header: dict[str, str]) -> None:
    status, answer, _ = await running.post(CHAT, HELLO, **header)

    assert (status, answer["error"]["code"]) == (415, "unsupported_media_type")


async def test_route_that_does_not_answer_the_operation_says_so(running: Running) -> None:
    first = snapshot(backend("http://127.0.0.1:9/v1"))
    only_chat = first.routes.routes[0].__class__(name="c", backends=first.routes.routes[0].backends, kinds=("chat",))
    new = snapshot(keys=first.keys.keys)
    await running.control.put(type(new)(version="2", routes=type(new.routes)(routes=(only_chat,)), keys=new.keys))
    await running.gateway.snapshots.wait_until(lambda: "c" in running.gateway.snapshots.current.routes)  # type: ignore[union-attr]  # it has one

    status, answer, _ = await running.post("/v1/embeddings", {"model": "c", "input": "x"})

    assert (status, answer["error"]["param"]) == (400, "model")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", CHAT, 405),
        ("PUT", "/v1/models", 405),
        ("BREW", "/v1/models", 400),
        ("GET", "/", 404),
        ("GET", "/v1/models/", 404),
        ("GET", "/v1/../metrics", 404),
        ("GET", "//healthz", 404),
        ("OPTIONS", "*", 404),
        ("CONNECT", "x:1", 404),
    ],
)
async def test_unknown_paths_and_methods_are_told_apart(running: Running, method: str, path: str, status: int) -> None:
    answer = await running.raw(head("Connection: close", method=method, path=path))

    assert parsed(answer)[0] == status


async def test_more_connections_than_allowed_are_refused() -> None:
    async with gateway(snapshot(), max_connections=1) as running:
        _, first = await asyncio.open_connection("127.0.0.1", running.port)
        status, error = parsed(await running.raw(b""))
        first.close()

    assert (status, error["code"]) == (503, "overloaded")


async def test_more_requests_at_once_than_allowed_are_refused() -> None:
    entered, release = asyncio.Event(), asyncio.Event()

    async def answer(request: Any, body: Any) -> Any:
        entered.set()
        await release.wait()
        return await plain_chat(request, body)

    async with provider(answer) as upstream, gateway(snapshot(backend(upstream.url)), max_in_flight=1) as running:
        waiting = asyncio.create_task(running.post(CHAT, HELLO))
        await entered.wait()
        refused, error, _ = await running.post(CHAT, HELLO)
        release.set()
        answered, _, _ = await waiting

    assert (refused, error["error"]["code"], answered) == (503, "overloaded", 200)


async def test_expect_continue_is_honoured(running: Running) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
    writer.write(request(HELLO, "Expect: 100-continue").removesuffix(HELLO))
    async with asyncio.timeout(5):
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(HELLO)
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    writer.close()


@pytest.mark.parametrize("stream", [False, True])
async def test_caller_that_does_not_read_its_answer_is_cut_off(stream: bool) -> None:
    flood = [chunk({"content": "x" * 100_000})] * 300
    answer = streaming(*flood) if stream else streaming_plain(b" " * 30_000_000)
    async with (
        provider(answer) as upstream,
        gateway(snapshot(backend(upstream.url)), write_timeout_seconds=0.1) as running,
    ):
        body = HELLO.replace(b"{", b'{"stream":true,', 1) if stream else HELLO
        _, writer = await asyncio.open_connection("127.0.0.1", running.port, limit=1)
        writer.write(request(body))

        await running.gateway.snapshots.wait_until(lambda: bool(running.gateway.server.connections))
        async with asyncio.timeout(10):
            await running.gateway.snapshots.wait_until(lambda: not running.gateway.server.connections)
        writer.close()


async def test_unsafe_request_id_is_replaced(running: Running) -> None:
    _, _, headers = await running.get("/v1/models", x_request_id="a b<script>")

    assert headers["x-request-id"].startswith("req_")


async def test_large_honest_body_is_served_in_a_blink(running: Running) -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "x" * 10_000_000}]}
    started = time.process_time()

    status, _, _ = await running.post(CHAT, body)

    assert status == 200
    assert time.process_time() - started < 10  # a bound against quadratic work, not a measurement
