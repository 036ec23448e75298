"""Anthropic's SDK on /v1/messages, in front of Anthropic and of a backend that speaks OpenAI's format."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import anthropic
import pytest
from anthropic import Anthropic, AsyncAnthropic

from apps.inference.tests import anthropic_server as anthropics
from apps.inference.tests.anthropic_server import AnthropicServer, anthropic_server
from apps.inference.tests.clients_world import CITY, SAY
from apps.inference.tests.gateway_world import KEYS, USER_KEY, Running, backend, gateway, key, provider, snapshot
from apps.inference.tests.openai_api import chat_api, failing
from apps.inference.tests.translator_world import Running as Translator
from lumina_contracts.snapshot import Backend, Limits

TOOL: Any = [{"name": "weather", "description": "Now.", "input_schema": CITY}]
USED: Any = [{"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Oslo"}}]
LIMITED = "lk-limited-0123456789"


async def awake(part: str) -> None:
    assert part == "translator"


def claude(server: AnthropicServer) -> Backend:
    model = f"anthropic/{anthropics.MODEL}"
    translation = json.dumps({"model": model, "api_key": anthropics.KEY, "api_base": server.url})
    place: Any = {"socket": "translator.sock", "part": "translator", "url": "http://translator/v1", "translated": True}
    return backend(**place, id="claude", provider="anthropic", model=anthropics.MODEL, translation=translation)


def other(url: str) -> Backend:
    translation = json.dumps({"model": "openai/served-model", "api_base": url, "api_key": "sk-x"})
    return backend(url, translation=translation)


def sdk_of(running: Running, secret: str = USER_KEY) -> AsyncAnthropic:
    return AsyncAnthropic(base_url=running.url, api_key=secret, max_retries=0, _strict_response_validation=True)


@pytest.fixture
async def server() -> AsyncIterator[AnthropicServer]:
    async with anthropic_server() as opened:
        yield opened


@pytest.fixture(params=["anthropic", "openai"])
async def running(
    request: pytest.FixtureRequest, translator: Translator, server: AnthropicServer
) -> AsyncIterator[Running]:
    """A gateway on each kind of backend."""
    async with AsyncExitStack() as stack:
        upstream = await stack.enter_async_context(provider(chat_api))
        target = claude(server) if request.param == "anthropic" else other(upstream.url)
        limited = key(LIMITED, name="k-limited", limits=Limits(models=("n",), requests_per_minute=1))
        first = snapshot(target, keys=(*KEYS, limited))
        opened = gateway(first, folder=translator.run_dir, start_part=awake)
        yield await stack.enter_async_context(opened)


async def test_message_is_answered(running: Running) -> None:
    async with sdk_of(running) as sdk:
        one = await sdk.messages.create(model="m", max_tokens=9, messages=SAY, system="Be short.")
    with Anthropic(base_url=running.url, api_key=USER_KEY, max_retries=0) as sync:
        same = await asyncio.to_thread(sync.messages.create, model="m", max_tokens=9, messages=SAY)

    for message in (one, same):
        block: Any = message.content[0]
        assert block.text.lower().startswith("hello")
        assert (message.role, message.stop_reason) == ("assistant", "end_turn")
        assert message.usage.input_tokens > 0
        assert message.usage.output_tokens > 0


async def test_message_is_streamed(running: Running) -> None:
    async with sdk_of(running) as sdk, sdk.messages.stream(model="m", max_tokens=9, messages=SAY) as stream:
        text = "".join([part async for part in stream.text_stream])
        final: Any = await stream.get_final_message()

    assert text == final.content[0].text
    assert text.lower().startswith("hello")
    assert (final.stop_reason, final.usage.output_tokens > 0) == ("end_turn", True)


async def test_tools_are_called_and_their_results_go_back(running: Running, server: AnthropicServer) -> None:
    server.does(anthropics.Reply(USED, stop_reason="tool_use"))

    async with sdk_of(running) as sdk:
        whole = await sdk.messages.create(model="m", max_tokens=9, messages=SAY, tools=TOOL)
        async with sdk.messages.stream(model="m", max_tokens=9, messages=SAY, tools=TOOL) as stream:
            final = await stream.get_final_message()
        used: Any = next(block for block in final.content if block.type == "tool_use")
        result: Any = {"type": "tool_result", "tool_use_id": used.id, "content": "sun"}
        server.does()
        said: Any = [*SAY, {"role": "assistant", "content": final.content}, {"role": "user", "content": [result]}]
        told: Any = await sdk.messages.create(model="m", max_tokens=9, messages=said, tools=TOOL)

    for message in (whole, final):
        (block,) = (block for block in message.content if block.type == "tool_use")
        assert (block.name, block.input, message.stop_reason) == ("weather", {"city": "Oslo"}, "tool_use")
    assert told.content[0].text.lower().startswith("hello")


async def test_caller_learns_what_it_may_not(running: Running) -> None:
    for secret, model, kind in (
        ("lk-wrong", "m", anthropic.AuthenticationError),
        (LIMITED, "m", anthropic.PermissionDeniedError),
        (USER_KEY, "nope", anthropic.NotFoundError),
    ):
        async with sdk_of(running, secret) as sdk:
            with pytest.raises(kind) as raised:
                await sdk.messages.create(model=model, max_tokens=9, messages=SAY)
        body: Any = raised.value.body
        assert (body["type"], set(body["error"])) == ("error", {"type", "message"})


@pytest.mark.parametrize(
    ("status", "kind", "told"),
    [
        (400, anthropic.BadRequestError, "invalid_request_error"),
        (429, anthropic.RateLimitError, "rate_limit_error"),
        (529, anthropic.OverloadedError, "overloaded_error"),
        (500, anthropic.InternalServerError, "api_error"),
    ],
)
async def test_failure_of_a_backend_keeps_its_class(
    translator: Translator, server: AnthropicServer, status: int, kind: type[anthropic.APIStatusError], told: str
) -> None:
    server.does(failure=anthropics.Failure(status, told, "I do not like it.", {"retry-after": "60"}))

    async with provider(failing(status, message="I do not like it.", retry_after="60")) as upstream:
        for target in (claude(server), other(upstream.url)):
            first = snapshot(target)
            async with gateway(first, folder=translator.run_dir, start_part=awake) as running, sdk_of(running) as sdk:
                with pytest.raises(kind, match="I do not like it") as raised:
                    await sdk.messages.create(model="m", max_tokens=9, messages=SAY)
            body: Any = raised.value.body
            assert (raised.value.status_code, body["error"]["type"]) == (status, told)
