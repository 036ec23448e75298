"""Streams that break, stall, end badly or hold nonsense: a whole answer or an honest error, and no trace after it."""

import asyncio
from typing import Any

import openai
import pytest
from aiohttp import ClientSession, web

from apps.inference.tests.faulty_provider import (
    BODY,
    Act,
    FaultyProvider,
    asked,
    at_rest,
    cut,
    events,
    faulty,
    gateway_of,
    good,
    pausing,
    refuses,
    route,
    said,
    stall,
    standing,
    streams,
    told,
    until,
)
from apps.inference.tests.gateway_world import CHAT, USER_KEY, Running, chunk, http_request

DONE = "data: [DONE]"
QUICK: dict[str, Any] = {"stream_idle_timeout_seconds": 0.3, "first_token_timeout_seconds": 5}
NONSENSE = (chunk({"content": "wor"})[:-20] + b"\n\n",)
ERROR = (b'data: {"error": {"message": "out of memory", "type": "server_error", "code": 500}}\n\n',)
BROKEN = [
    pytest.param(streams("hel", "lo", then=cut), id="cut"),
    pytest.param(streams("hel", "lo", then=stall), id="stalled"),
    pytest.param(streams("hel", "lo", end=()), id="ended too early"),
    pytest.param(streams("hel", "lo", end=NONSENSE), id="malformed"),
    pytest.param(streams("hel", "lo", end=ERROR), id="error within"),
]


@pytest.mark.parametrize("act", BROKEN)
async def test_begun_stream_that_breaks_ends_with_an_error_and_without_done(act: Act) -> None:
    async with faulty(act, good()) as primary, gateway_of(route(primary.backend()), **QUICK) as running:
        status, text, _ = await asked(running, stream=True)
        await at_rest(running)
        after, _, _ = await asked(running)

    assert (status, told(text)) == (200, "hello")
    assert events(text)[-1]["error"]["message"]
    assert DONE not in text
    assert after == 200


@pytest.mark.parametrize("hold", [None, 20.0])
@pytest.mark.parametrize("act", BROKEN)
async def test_held_stream_that_breaks_becomes_the_whole_answer_of_another_backend(
    act: Act, hold: float | None
) -> None:
    async with faulty(act) as primary, faulty(good("all of it"), name="other") as other:
        only = route(primary.backend(), other.backend(order=2), hold_seconds=hold)
        async with gateway_of(only, **QUICK) as running:
            status, text, headers = await asked(running, stream=True)
            await at_rest(running)

    assert (status, told(text), headers["x-lumina-backend"]) == (200, "all of it", "other")
    assert {event["model"] for event in events(text)} == {"model-of-other"}
    assert text.count(DONE) == 1


async def test_stream_that_is_held_for_a_while_flows_after_it() -> None:
    go = asyncio.Event()
    act = streams("a", "b", "c", "d", "e", "f", then=pausing(go), tick=0.05)
    async with faulty(act) as primary, gateway_of(route(primary.backend(), hold_seconds=0.1)) as running:
        stream = await running.sdk().chat.completions.create(**BODY, stream=True)
        first = await anext(stream)
        go.set()
        rest = [event async for event in stream]

    assert first.choices[0].delta.content == "a"
    assert rest


async def test_held_stream_of_the_only_backend_is_restarted_on_it() -> None:
    async with (
        faulty(streams("hel", then=cut), good("whole")) as primary,
        gateway_of(route(primary.backend(), hold_seconds=None)) as running,
    ):
        status, text, _ = await asked(running, stream=True)

    assert (status, told(text)) == (200, "whole")
    assert primary.hits == 2


async def test_held_stream_that_nobody_completes_has_a_proper_status() -> None:
    async with (
        faulty(streams("hel", then=cut)) as primary,
        gateway_of(route(primary.backend(), hold_seconds=None, num_retries=1)) as running,
    ):
        status, answer, headers = await asked(running, stream=True)
        await at_rest(running)

    assert (status, answer["error"]["code"], headers["x-should-retry"]) == (502, "backend_failed", "false")


async def test_official_client_never_takes_a_cut_stream_for_a_whole_one() -> None:
    async with faulty(streams("hel", then=cut)) as primary, gateway_of(route(primary.backend())) as running:
        stream = await running.sdk().chat.completions.create(**BODY, stream=True)
        with pytest.raises(openai.APIError, match="before its answer was complete"):
            async for _ in stream:
                pass


async def test_malformed_chunk_leaks_nothing_partial() -> None:
    act = streams("hel", end=(b'data: {"choices": [{"delta": {"content": "SECR', b'ET"}\n\n'))
    async with faulty(act) as primary, gateway_of(route(primary.backend())) as running:
        _, text, _ = await asked(running, stream=True)

    assert told(text) == "hel"
    assert "SECR" not in text


async def test_backend_that_goes_on_after_nonsense_is_not_listened_to() -> None:
    async def endless(self: FaultyProvider, request: web.BaseRequest, body: dict[str, Any]) -> web.StreamResponse:
        await streams("hel", end=NONSENSE)(self, request, body)
        await stall(request)
        return web.Response()

    async with faulty(endless) as primary, gateway_of(route(primary.backend())) as running:
        _, text, _ = await asked(running, stream=True)
        await primary.until(lambda seen: seen.given_up == 1)

    assert told(text) == "hel"


async def test_half_a_chunk_before_a_cut_leaks_nothing_partial() -> None:
    async def half(request: web.BaseRequest) -> None:
        assert request.transport is not None
        part = b'data: {"choices": [{"index": 0, "delta": {"content": "SECRET'
        request.transport.write(b"%x\r\n%b\r\n" % (len(part), part))
        await cut(request)

    async with faulty(streams("hel", then=half)) as primary, gateway_of(route(primary.backend())) as running:
        _, text, _ = await asked(running, stream=True)

    assert told(text) == "hel"
    assert "SECRET" not in text


async def test_stream_without_done_is_finished_promptly_with_its_usage() -> None:
    """Its connection stays open, and the limit between tokens is 30 s."""
    usage = {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}
    act = streams("hello", end=(chunk({}, finish="stop"), chunk(None, usage=usage)), then=None)

    async def open_end(self: FaultyProvider, request: web.BaseRequest, body: dict[str, Any]) -> web.StreamResponse:
        await act(self, request, body)
        await asyncio.Event().wait()
        return web.Response()

    async with faulty(open_end) as primary, gateway_of(route(primary.backend())) as running:
        body = BODY | {"stream": True, "stream_options": {"include_usage": True}}
        async with asyncio.timeout(10):
            stream = await running.sdk().chat.completions.create(**body)
            got = [event async for event in stream]
        await at_rest(running)

    assert got[-1].usage is not None
    assert got[-1].usage.total_tokens == 9
    assert standing(running).tokens == 9


async def test_stream_without_done_and_usage_is_finished_promptly_too() -> None:
    async def open_end(self: FaultyProvider, request: web.BaseRequest, body: dict[str, Any]) -> web.StreamResponse:
        await streams("hello", end=(chunk({}, finish="stop"),))(self, request, body)
        await asyncio.Event().wait()
        return web.Response()

    async with faulty(open_end) as primary, gateway_of(route(primary.backend())) as running, asyncio.timeout(10):
        _, text, _ = await asked(running, stream=True)
        await at_rest(running)

    assert told(text) == "hello"
    assert text.endswith(f"{DONE}\n\n")


async def test_gateway_is_healthy_after_a_hundred_broken_streams() -> None:
    acts: list[Act] = [streams("hel", then=cut), streams("hel", end=NONSENSE), streams("hel", end=()), good()]
    async with (
        faulty(*acts * 25, good()) as primary,
        gateway_of(route(primary.backend(), cooldowns=False, num_retries=0)) as running,
    ):
        texts = [text for _ in range(10) for _, text, _ in await _crowd(running, 10)]
        await at_rest(running)
        kinds = {DONE in text for text in texts}
        tasks = len(asyncio.all_tasks())
        again = [said(answer) for _, answer, _ in [await asked(running) for _ in range(5)]]
        left = len(asyncio.all_tasks())

    assert kinds == {True, False}
    assert all((DONE in text) is (told(text) != "hel") for text in texts)
    assert again == ["primary"] * 5
    assert left <= tasks


async def test_whole_streams_leave_their_connection_for_the_next() -> None:
    ports: set[Any] = set()

    async def noting(self: FaultyProvider, request: web.BaseRequest, body: dict[str, Any]) -> web.StreamResponse:
        assert request.transport is not None
        ports.add(request.transport.get_extra_info("peername"))
        return await good()(self, request, body)

    async with faulty(noting) as primary, gateway_of(route(primary.backend())) as running:
        for stream in (True, False, True, False):
            await asked(running, stream=stream)
            await at_rest(running)

    assert len(ports) == 1


async def test_caller_that_leaves_takes_nothing_from_the_backend_that_serves_it() -> None:
    go = asyncio.Event()
    async with faulty(streams("hel", then=pausing(go))) as primary, gateway_of(route(primary.backend())) as running:
        for _ in range(6):
            stream = await running.sdk().chat.completions.create(**BODY, stream=True)
            await anext(stream)
            await stream.close()
        await primary.until(lambda seen: seen.given_up == 6)
        await at_rest(running)
        reason, fails = standing(running).breaker.reason, standing(running).breaker.fails

    assert (reason, fails) == (None, 0)


async def test_caller_that_does_not_read_speaks_against_no_backend() -> None:
    """The backend is not read while the caller does not read; its limit between tokens must not count then."""
    flood = streams(*["x" * 100_000] * 200)
    async with faulty(flood) as primary, gateway_of(route(primary.backend()), **QUICK) as running:
        body = b'{"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}]}'
        _, writer = await asyncio.open_connection("127.0.0.1", running.port, limit=1024)
        writer.write(http_request(body))
        await primary.until(lambda seen: seen.hits == 1)
        await until(lambda: running.gateway.inference.in_flight == 1)
        await asyncio.sleep(0.6)
        writer.transport.abort()
        await at_rest(running)
        fails = standing(running).breaker.fails

    assert fails == 0


async def test_backend_that_speaks_in_one_stream_is_not_dead_however_slow_its_probe() -> None:
    go = asyncio.Event()
    flowing = streams(*["word "] * 40, tick=0.03)
    async with (
        faulty(flowing, streams("late", then=pausing(go))) as primary,
        gateway_of(route(primary.backend(probe_seconds=0.15))) as running,
    ):
        await until(lambda: standing(running).probe_works)
        asking = asyncio.create_task(asked(running, stream=True))
        await until(lambda: any(attempt.begun for attempt in standing(running).under_way))
        primary.probe_status = 503
        before = len(primary.probes)
        status, text, _ = await asking
        go.set()

    assert len(primary.probes) >= before + 3
    assert status == 200
    assert told(text) == "word " * 40
    assert DONE in text


async def test_plain_answer_that_breaks_off_is_asked_for_again() -> None:
    async def short(self: FaultyProvider, request: web.BaseRequest, body: dict[str, Any]) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b'{"choices": [{"message": {"content": "hal')
        await cut(request)
        return response

    async with faulty(short, good("whole")) as primary, gateway_of(route(primary.backend())) as running:
        status, answer, _ = await asked(running)

    assert (status, said(answer)) == (200, "whole")


async def test_error_of_a_backend_before_its_first_event_moves_the_stream() -> None:
    async with (
        faulty(streams(end=ERROR)) as primary,
        faulty(name="other") as other,
        gateway_of(route(primary.backend(), other.backend(order=2))) as running,
    ):
        status, text, _ = await asked(running, stream=True)

    assert (status, told(text)) == (200, "other")


async def test_refusal_before_a_stream_has_its_own_status() -> None:
    async with (
        faulty(refuses(400, message="no such thing")) as primary,
        gateway_of(route(primary.backend())) as running,
    ):
        status, answer, headers = await asked(running, stream=True)

    assert (status, answer["error"]["message"]) == (400, "no such thing")
    assert "x-should-retry" not in headers
    assert primary.hits == 1


async def _crowd(running: Running, number: int) -> list[tuple[int, str, Any]]:
    async def one(session: ClientSession) -> tuple[int, str, Any]:
        headers = {"Authorization": f"Bearer {USER_KEY}"}
        async with session.post(running.url + CHAT, json=BODY | {"stream": True}, headers=headers) as got:
            return got.status, await got.text(), got.headers

    async with ClientSession() as session:
        return await asyncio.gather(*(one(session) for _ in range(number)))
