"""Streams: whole events only, an honest end, a proper status until the first byte."""

import asyncio
import json
from io import StringIO
from typing import Any

import openai
import pytest
from aiohttp import ClientSession, web

from apps.inference.tests.gateway_world import (
    BACKEND_KEY,
    STREAM,
    USER_KEY,
    Running,
    backend,
    chunk,
    gateway,
    http_request,
    provider,
    snapshot,
    streaming,
)
from lumina_inference.gateway.accesslog import AccessLog
from lumina_inference.gateway.dialects import DIALECTS
from lumina_inference.gateway.events import Events
from lumina_inference.gateway.index import Target, index

BODY: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": True}
DONE = "data: [DONE]\n\n"


async def streamed(running: Running, **more: Any) -> tuple[int, str]:
    status, text, _ = await running.post("/v1/chat/completions", BODY | more)
    return status, text if isinstance(text, str) else json.dumps(text)


def events(text: str) -> list[Any]:
    return [json.loads(event.removeprefix("data: ")) for event in text.split("\n\n") if event.startswith("data: {")]


def error_code(text: str) -> str:
    return str(events(text)[-1]["error"]["code"])


def new_events(*, hides_usage: bool = False, max_event_bytes: int = 10_000) -> Events:
    target: Target = index(snapshot(backend("http://127.0.0.1:9/v1"))).routes["m"].targets[0]
    return Events(target, DIALECTS["chat"], hides_usage=hides_usage, max_event_bytes=max_event_bytes)


async def test_stream_that_breaks_after_its_first_event_ends_with_an_error_and_without_done() -> None:
    answer = streaming(*STREAM[:2], cut=True)
    async with provider(answer) as upstream, gateway(snapshot(backend(upstream.url))) as running:
        status, text = await streamed(running)

    assert status == 200
    assert error_code(text) == "backend_failed"
    assert "The backend 'b1' of the model 'm' broke the connection before its answer was complete." in text
    assert DONE not in text


@pytest.mark.parametrize("event", [b"data: {not json}\n\n", b"data: [1]\n\n", b'data: {"id":"\xff\xfe"}\n\n'])
@pytest.mark.parametrize(("before", "status"), [((), 502), (STREAM[:2], 200)])
async def test_event_that_nobody_can_read_is_a_failure_even_before_done(
    event: bytes, before: tuple[bytes, ...], status: int
) -> None:
    answer = streaming(*before, event, *STREAM[2:])
    async with provider(answer) as upstream, gateway(snapshot(backend(upstream.url))) as running:
        got, text = await streamed(running)

    assert got == status
    assert "not a JSON object" in text
    assert DONE not in text


async def test_sdk_raises_when_a_stream_breaks() -> None:
    answer = streaming(*STREAM[:2], cut=True)
    async with provider(answer) as upstream, gateway(snapshot(backend(upstream.url))) as running:
        stream = await running.sdk().chat.completions.create(**BODY)
        with pytest.raises(openai.APIError, match="broke the connection"):
            async for _ in stream:
                pass


async def test_stream_that_ends_cleanly_but_too_early_is_not_taken_for_a_whole_one() -> None:
    async with provider(streaming(*STREAM[:2])) as upstream, gateway(snapshot(backend(upstream.url))) as running:
        _, text = await streamed(running)

    assert error_code(text) == "backend_failed"
    assert DONE not in text


async def test_stream_with_a_finish_reason_but_no_done_gets_its_done() -> None:
    async with provider(streaming(*STREAM[:3])) as upstream, gateway(snapshot(backend(upstream.url))) as running:
        _, text = await streamed(running)

    assert text == b"".join(STREAM[:3]).decode() + DONE


async def test_half_an_event_before_a_cut_is_never_forwarded() -> None:
    answer = streaming(STREAM[0], b'data: {"id":"chatcmpl-1","choi', cut=True)
    async with provider(answer) as upstream, gateway(snapshot(backend(upstream.url))) as running:
        _, text = await streamed(running)

    assert '"choi' not in text.replace('"choices"', "")
    assert text.startswith(STREAM[0].decode())


async def test_failure_before_the_first_event_has_a_proper_status() -> None:
    answer = streaming(b'data: {"error":{"message":"no memory","type":"server_error","code":"503"}}\n\n')
    async with provider(answer) as upstream, gateway(snapshot(backend(upstream.url))) as running:
        status, text = await streamed(running)

    assert status == 503
    assert "no memory" in text


async def test_error_event_within_a_stream_ends_it_without_done_and_without_the_backends_key() -> None:
    error = b'data: {"error":{"message":"key %s is bad","type":"server_error"}}\n\n' % BACKEND_KEY.encode()
    async with (
        provider(streaming(STREAM[0], error, STREAM[-1])) as upstream,
        gateway(snapshot(backend(upstream.url))) as running,
    ):
        _, text = await streamed(running)

    assert events(text)[-1]["error"]["message"] == "key *** is bad"
    assert DONE not in text


async def test_empty_stream_is_a_bad_gateway() -> None:
    async with provider(streaming(b": nothing\n\n")) as upstream, gateway(snapshot(backend(upstream.url))) as running:
        status, text = await streamed(running)

    assert status == 502
    assert "empty stream" in text


async def test_backend_that_does_not_stream_is_a_bad_gateway() -> None:
    async def answer(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        return web.json_response({"choices": []})

    async with provider(answer) as upstream, gateway(snapshot(backend(upstream.url))) as running:
        status, text = await streamed(running)

    assert status == 502
    assert "does not stream" in text


async def test_silent_backend_times_out_with_a_proper_status_before_the_first_event() -> None:
    async with (
        provider(streaming(b"", pause=asyncio.Event())) as upstream,
        gateway(snapshot(backend(upstream.url)), first_token_timeout_seconds=0.1) as running,
    ):
        status, text = await streamed(running)

    assert status == 504
    assert "backend_timeout" in text


async def test_backend_that_stalls_in_a_stream_is_cut_with_an_error() -> None:
    answer = streaming(STREAM[0], STREAM[1], pause=asyncio.Event())
    async with (
        provider(answer) as upstream,
        gateway(snapshot(backend(upstream.url)), stream_idle_timeout_seconds=0.1) as running,
    ):
        status, text = await streamed(running)

    assert status == 200
    assert error_code(text) == "backend_timeout"


async def test_caller_of_http_1_0_gets_its_stream_without_chunks() -> None:
    async with provider(streaming(*STREAM)) as upstream, gateway(snapshot(backend(upstream.url))) as running:
        body = json.dumps(BODY).encode()
        answer = await running.raw(http_request(body).replace(b"HTTP/1.1", b"HTTP/1.0"))

    top, _, rest = answer.partition(b"\r\n\r\n")
    assert b"Transfer-Encoding" not in top
    assert b"Connection: close" in top
    assert rest == b"".join((*STREAM[:3], STREAM[4]))


async def test_caller_that_hangs_up_cancels_the_backends_work() -> None:
    cancelled = asyncio.Event()

    async def answer(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(STREAM[0])
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return response

    async with provider(answer) as upstream, gateway(snapshot(backend(upstream.url))) as running:
        headers = {"Authorization": f"Bearer {USER_KEY}"}
        async with ClientSession() as session:
            got = await session.post(f"{running.url}/v1/chat/completions", json=BODY, headers=headers)
            await got.content.readany()
            got.close()
        async with asyncio.timeout(5):
            await cancelled.wait()


async def test_stream_options_of_the_caller_are_kept_beside_the_gateways() -> None:
    async with provider(streaming(*STREAM)) as upstream, gateway(snapshot(backend(upstream.url))) as running:
        await streamed(running, stream_options={"include_obfuscation": False})

    assert upstream.bodies[0]["stream_options"] == {"include_obfuscation": False, "include_usage": True}


async def test_backend_that_does_not_know_stream_options_is_asked_without_from_then_on() -> None:
    async def answer(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        if "stream_options" in body:
            return web.json_response({"message": "Extra inputs: stream_options"}, status=422)
        return await streaming(*STREAM[:3], STREAM[4])(request, body)

    async with provider(answer) as upstream, gateway(snapshot(backend(upstream.url))) as running:
        answers = [await streamed(running) for _ in range(2)]

    assert [(status, text.endswith(DONE)) for status, text in answers] == [(200, True)] * 2
    assert ["stream_options" in body for body in upstream.bodies] == [True, False, False]


async def test_usage_in_an_event_with_choices_is_passed_on() -> None:
    last = chunk({}, finish="stop", usage={"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2})
    async with (
        provider(streaming(STREAM[0], last, STREAM[-1])) as upstream,
        gateway(snapshot(backend(upstream.url))) as running,
    ):
        _, text = await streamed(running)

    assert events(text)[-1]["usage"]["total_tokens"] == 2
    assert text.endswith(DONE)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50, 10_000])
@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
def test_events_are_the_same_however_the_bytes_arrive(size: int, newline: bytes) -> None:
    whole = b"".join(STREAM).replace(b"\n", newline)
    cut = new_events(hides_usage=True)

    pieces = [cut.feed(whole[start : start + size]) for start in range(0, len(whole), size)]

    assert b"".join(pieces) == b"".join(STREAM[:3]).replace(b"\n", newline)
    assert cut.done
    assert cut.finish_reasons == ["stop"]
    assert cut.usage is not None
    assert cut.usage.output_tokens == 2
    assert all(piece.endswith(newline * 2) for piece in pieces if piece)


def test_words_of_the_model_that_look_like_the_protocol_change_nothing() -> None:
    tricky = chunk({"content": 'data: [DONE]\n\n "usage": {"x"} "error": 1 "finish_reason": "stop"'})
    cut = new_events(hides_usage=True)

    passed = cut.feed(STREAM[0] + tricky)

    assert passed == STREAM[0] + tricky
    assert not cut.done
    assert not cut.finished


def test_comments_pass_once_the_stream_has_begun() -> None:
    cut = new_events()

    assert cut.feed(b": wait\n\n") == b""
    assert cut.feed(STREAM[0] + b": still here\n\n") == STREAM[0] + b": still here\n\n"


async def test_caller_that_hangs_up_right_after_the_end_has_had_its_answer() -> None:
    log, never = StringIO(), asyncio.Event()
    body = json.dumps(BODY).encode()
    async with (
        provider(streaming(*STREAM, b": the connection stays\n\n", pause=never)) as upstream,
        gateway(snapshot(backend(upstream.url)), access_log=AccessLog(log, "json")) as running,
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        writer.write(http_request(body))
        await reader.readuntil(b"[DONE]")
        writer.transport.abort()

    line = json.loads(log.getvalue())
    assert (line["status"], line["error"]) == (200, None)
