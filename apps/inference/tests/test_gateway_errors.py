"""What a backend refuses or breaks reaches the caller in OpenAI's shape, and nothing of the backend's secrets does."""

import asyncio
import json
import socket
from typing import Any

import openai
import pytest
from aiohttp import web

from apps.inference.tests.gateway_world import (
    BACKEND_KEY,
    USER_KEY,
    backend,
    chat_body,
    gateway,
    plain_chat,
    provider,
    snapshot,
)

BODY: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


def refusing(status: int, body: Any, **headers: str) -> Any:
    async def answer(request: web.Request, asked: dict[str, Any]) -> web.StreamResponse:
        text = body if isinstance(body, str) else json.dumps(body)
        return web.Response(
            status=status, text=text, headers={name.replace("_", "-"): v for name, v in headers.items()}
        )

    return answer


async def refused(status: int, body: Any, *, stream: bool = False, **headers: str) -> tuple[int, dict[str, Any], Any]:
    async with (
        provider(refusing(status, body, **headers)) as upstream,
        gateway(snapshot(backend(upstream.url))) as running,
    ):
        got, answer, sent = await running.post("/v1/chat/completions", BODY | {"stream": stream})
    assert set(answer["error"]) == {"message", "type", "param", "code"}
    return got, answer["error"], sent


@pytest.mark.parametrize("stream", [False, True])
async def test_openai_shaped_error_passes_with_its_status(stream: bool) -> None:
    given = {"message": "Too hot", "type": "invalid_request_error", "param": "temperature", "code": "out_of_range"}

    status, error, _ = await refused(400, {"error": given}, stream=stream)

    assert (status, error) == (400, given)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("unnamed", [419, 499, 520, 529, 599])
async def test_status_that_no_standard_names_passes_too(unnamed: int, stream: bool) -> None:
    status, error, _ = await refused(unnamed, {"error": {"message": "Overloaded"}}, stream=stream)

    assert (status, error["message"]) == (unnamed, "Overloaded")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"object": "error", "message": "flat", "type": "BadRequestError", "code": 400}, "flat"),
        ({"detail": "from fastapi"}, "from fastapi"),
        ({"error": "only text"}, "only text"),
        ("<html>nginx</html>", "<html>nginx</html>"),
        ("", "The backend 'b1' of the model 'm' answered with status 400."),
        ([1, 2], "[1, 2]"),
    ],
)
async def test_errors_of_other_shapes_are_given_the_openai_shape(body: Any, message: str) -> None:
    status, error, _ = await refused(400, body)

    assert (status, error["message"]) == (400, message)


async def test_too_long_prompt_has_the_code_that_clients_look_for() -> None:
    body = {"message": "This model's maximum context length is 4096 tokens. However, you requested 5000.", "code": 400}

    _, error, _ = await refused(400, body)

    assert error["code"] == "context_length_exceeded"


async def test_rate_limit_passes_with_its_retry_headers() -> None:
    status, error, headers = await refused(429, {}, retry_after="7", x_ratelimit_limit_requests="10", set_cookie="a=b")

    assert (status, error["code"]) == (429, "rate_limit_exceeded")
    assert (headers["retry-after"], headers["x-ratelimit-limit-requests"]) == ("7", "10")
    assert "set-cookie" not in headers


@pytest.mark.parametrize("status", [400, 401, 403, 500])
@pytest.mark.parametrize("stream", [False, True])
async def test_the_backends_key_never_leaks(status: int, stream: bool) -> None:
    body = {"error": {"message": f"Incorrect API key provided: {BACKEND_KEY}", "code": BACKEND_KEY, "type": "x"}}

    got, error, _ = await refused(status, body, stream=stream)

    assert got == (502 if status in {401, 403} else status)
    assert BACKEND_KEY not in json.dumps(error)


async def test_redirect_is_not_followed() -> None:
    status, error, _ = await refused(307, "", location="http://169.254.169.254/")

    assert (status, error["code"]) == (502, "backend_failed")


@pytest.mark.parametrize("text", ["not json", "", '{"cut": ', "[1,2]", "null", '"words"'])
async def test_answer_that_is_no_json_object_is_a_bad_gateway(text: str) -> None:
    status, error, _ = await refused(200, text)

    assert (status, error["code"]) == (502, "backend_failed")


async def test_unreachable_backend_is_a_bad_gateway_that_names_no_address() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    async with gateway(snapshot(backend(f"http://127.0.0.1:{port}/v1"))) as running:
        status, answer, headers = await running.post("/v1/chat/completions", BODY)

    assert (status, answer["error"]["message"]) == (502, "The backend 'b1' of the model 'm' could not be reached.")
    assert headers["x-lumina-backend"] == "b1"


async def test_slow_backend_is_a_gateway_timeout() -> None:
    async def answer(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    async with provider(answer) as upstream, gateway(snapshot(backend(upstream.url, timeout_seconds=0.1))) as running:
        with pytest.raises(openai.InternalServerError) as late:
            await running.sdk().chat.completions.create(**BODY)

    assert (late.value.status_code, late.value.code) == (504, "backend_timeout")


async def test_answer_larger_than_the_limit_is_cut_off() -> None:
    async with (
        provider(refusing(200, chat_body("x" * 5000))) as upstream,
        gateway(snapshot(backend(upstream.url)), max_response_bytes=4000) as running,
    ):
        status, answer, _ = await running.post("/v1/chat/completions", BODY)

    assert (status, "4,000 bytes" in answer["error"]["message"]) == (502, True)


async def test_answer_passes_byte_for_byte_with_the_headers_that_say_who_served() -> None:
    exact = json.dumps(chat_body("ü\u2028")).replace(", ", " ,\t")

    async def answer(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        return web.Response(text=exact, content_type="application/json", headers={"X-Internal": "secret"})

    async with (
        provider(answer) as upstream,
        gateway(snapshot(backend(upstream.url, model_version="v 3\n"))) as running,
    ):
        data = json.dumps(BODY).encode()
        _, text, headers = await running.post("/v1/chat/completions", data, x_request_id="mine-1")

    assert text == json.loads(exact)
    assert headers["x-request-id"] == "mine-1"
    assert headers["x-lumina-route"] == "m"
    assert headers["x-lumina-model-version"] == "v%203%0A"
    assert len(headers["x-lumina-trace-id"]) == 32
    assert "x-internal" not in headers


async def test_unknown_parameters_reach_the_backend_byte_for_byte() -> None:
    odd = b'{"seed": 1.50, "model":"m","messages":[ {"role":"user","content":"\\u00fc"} ] ,"x":{"a" : [1e5,null]}}'
    async with provider(plain_chat) as upstream, gateway(snapshot(backend(upstream.url))) as running:
        status, _, _ = await running.post("/v1/chat/completions", odd)

    assert status == 200
    sent = upstream.raw[0]
    assert b'"seed":1.50' in sent
    assert b'"messages":[ {"role":"user","content":"\\u00fc"} ]' in sent
    assert b'"x":{"a" : [1e5,null]}' in sent


async def test_of_the_callers_headers_only_trace_and_request_id_reach_the_backend() -> None:
    async with provider(plain_chat) as upstream, gateway(snapshot(backend(upstream.url))) as running:
        await running.post("/v1/chat/completions", BODY, cookie="a=b", x_forwarded_for="1.2.3.4", te="trailers")

    sent = {name.lower() for name in upstream.headers[0]}
    ours = {"traceparent", "x-request-id", "authorization", "content-type", "accept", "accept-encoding", "user-agent"}
    assert sent == ours | {"host", "content-length"}
    assert USER_KEY not in str(upstream.headers[0])


@pytest.mark.parametrize(("given", "passed"), [("python", "python"), ("js", "js"), ("a b", None), ("x" * 17, None)])
async def test_language_of_the_callers_sdk_reaches_the_backend_if_it_is_one(given: str, passed: str | None) -> None:
    async with provider(plain_chat) as upstream, gateway(snapshot(backend(upstream.url))) as running:
        await running.post("/v1/chat/completions", BODY, x_stainless_lang=given)

    assert upstream.headers[0].get("x-stainless-lang") == passed


async def test_headers_of_the_backend_win_over_ours() -> None:
    headers = (("api-key", "azure"), ("Authorization", "Basic x"))
    async with (
        provider(plain_chat) as upstream,
        gateway(snapshot(backend(f"{upstream.url}?api-version=1", headers=headers))) as running,
    ):
        await running.post("/v1/chat/completions", BODY)

    assert upstream.paths == ["/v1/chat/completions?api-version=1"]
    assert upstream.headers[0]["api-key"] == "azure"
    assert upstream.headers[0]["Authorization"] == "Basic x"


async def test_backends_are_drawn_by_weight() -> None:
    draws = iter([0.0, 0.74, 0.76])
    async with provider(plain_chat) as one, provider(plain_chat) as two:
        both = (backend(one.url, id="one", weight=3.0), backend(two.url, id="two", weight=1.0))
        async with gateway(snapshot(*both), draw=lambda: next(draws)) as running:
            answered = [(await running.post("/v1/chat/completions", BODY))[2]["x-lumina-backend"] for _ in range(3)]

    assert answered == ["one", "one", "two"]
