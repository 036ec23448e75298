"""Who may ask what: keys, scopes, paths, methods, media."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from apps.inference.tests.gateway_world import (
    CHAT,
    HELLO,
    NOW,
    USER_KEY,
    Running,
    backend,
    gateway,
    http_head,
    http_parsed,
    http_request,
    key,
    plain_chat,
    provider,
    snapshot,
)
from lumina_contracts.snapshot import KeyEntry


@pytest.fixture
async def running() -> AsyncIterator[Running]:
    async with provider(plain_chat) as upstream, gateway(snapshot(backend(upstream.url))) as opened:
        yield opened


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
    top = http_head("Content-Length: 0", "Connection: close").removesuffix(b"\r\n") + line + b"\r\n"

    answer = await running.raw(top)

    assert http_parsed(answer)[0] == 401
    assert http_parsed(answer)[1]["code"] == "invalid_api_key"
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
    answer = await running.raw(http_head("Connection: close", method=method, path=path))

    assert http_parsed(answer)[0] == status


async def test_expect_continue_is_honoured(running: Running) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
    writer.write(http_request(HELLO, "Expect: 100-continue").removesuffix(HELLO))
    async with asyncio.timeout(5):
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(HELLO)
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    writer.close()


async def test_unsafe_request_id_is_replaced(running: Running) -> None:
    _, _, headers = await running.get("/v1/models", x_request_id="a b<script>")

    assert headers["x-request-id"].startswith("req_")
