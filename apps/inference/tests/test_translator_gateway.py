"""The official SDKs through the whole gateway to providers of other wire formats."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from anthropic import AsyncAnthropic
from openai import APIStatusError, RateLimitError

from apps.inference.tests import anthropic_server as anthropics
from apps.inference.tests import gemini_server as geminis
from apps.inference.tests.anthropic_server import AnthropicServer, anthropic_server
from apps.inference.tests.gateway_world import USER_KEY, Running, backend, gateway, snapshot
from apps.inference.tests.gemini_server import GeminiServer, gemini_server
from apps.inference.tests.translator_world import ASK, SAY, TOOLS
from apps.inference.tests.translator_world import Running as Translator
from lumina_contracts.snapshot import Backend

USED: Any = [
    {"type": "text", "text": "Let me see."},
    {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Oslo"}},
]
STRICT: Any = [{"type": "function", "function": TOOLS[0]["function"] | {"strict": True}}]


async def awake(part: str) -> None:
    assert part == "translator"


def translated(name: str, **translation: Any) -> Backend:
    """A backend as the configuration makes it from an entry of LiteLLM's."""
    socket: Any = {"socket": "translator.sock", "part": "translator", "url": "http://translator/v1", "translated": True}
    model = translation["model"].partition("/")[2]
    return backend(**socket, id=name, provider=name, model=model, api_key=None, translation=json.dumps(translation))


def claude(server: AnthropicServer) -> Backend:
    model = f"anthropic/{anthropics.MODEL}"
    return translated("anthropic", model=model, api_key=anthropics.KEY, api_base=server.url)


def gemini(server: GeminiServer) -> Backend:
    return translated("gemini", model=f"gemini/{geminis.MODEL}", api_key=geminis.KEY, api_base=server.url)


@pytest.fixture
async def anthropic() -> AsyncIterator[AnthropicServer]:
    async with anthropic_server() as server:
        yield server


@asynccontextmanager
async def serving(translator: Translator, *backends: Backend) -> AsyncIterator[Running]:
    async with gateway(snapshot(*backends), folder=translator.run_dir, start_part=awake) as running:
        yield running


async def test_chat_tools_stream_and_responses(translator: Translator, anthropic: AnthropicServer) -> None:
    anthropic.does(anthropics.Reply(USED, stop_reason="tool_use"))

    async with serving(translator, claude(anthropic)) as running, running.sdk() as sdk:
        whole: Any = await sdk.chat.completions.create(model="m", messages=ASK, tools=TOOLS)
        async with sdk.chat.completions.stream(model="m", messages=ASK, tools=STRICT) as stream:
            final: Any = await stream.get_final_completion()
        anthropic.does()
        response = await sdk.responses.create(model="m", input="Hello?")
        async with sdk.responses.stream(model="m", input="Hello?") as events:
            streamed = await events.get_final_response()

    for answer in (whole, final):
        (call,) = answer.choices[0].message.tool_calls
        assert (call.function.name, json.loads(call.function.arguments)) == ("weather", {"city": "Oslo"})
        assert answer.choices[0].finish_reason == "tool_calls"
        assert answer.model == anthropics.MODEL
    assert (response.output_text, streamed.output_text) == ("Hello there.", "Hello there.")


async def test_anthropics_sdk_reaches_both(translator: Translator, anthropic: AnthropicServer) -> None:
    async with gemini_server() as google:
        for target in (claude(anthropic), gemini(google)):
            async with serving(translator, target) as running:
                sdk = AsyncAnthropic(base_url=running.url, api_key=USER_KEY, max_retries=0)
                message = await sdk.messages.create(model="m", max_tokens=9, messages=SAY)
                async with sdk.messages.stream(model="m", max_tokens=9, messages=SAY) as stream:
                    text = await stream.get_final_text()

            block: Any = message.content[0]
            assert (block.text, text, message.stop_reason) == ("Hello there.", "Hello there.", "end_turn")
            assert (message.model, message.usage.input_tokens) == (target.model, 11)


async def test_errors_are_the_providers(translator: Translator, anthropic: AnthropicServer) -> None:
    failure = anthropics.Failure(400, "invalid_request_error", "prompt is too long: 2 tokens > 1 maximum")
    anthropic.does(failure=failure)

    async with serving(translator, claude(anthropic)) as running, running.sdk() as sdk:
        with pytest.raises(APIStatusError) as raised:
            await sdk.chat.completions.create(model="m", messages=SAY)

    assert (raised.value.status_code, raised.value.code) == (400, "context_length_exceeded")


async def test_provider_that_limits_is_replaced_by_the_next(translator: Translator, anthropic: AnthropicServer) -> None:
    anthropic.does(failure=anthropics.Failure(429, "rate_limit_error", "slow", {"retry-after": "60"}))

    async with gemini_server() as google:
        other = claude(anthropic)
        async with serving(translator, other, gemini(google)) as running, running.sdk() as sdk:
            answer = await sdk.chat.completions.create(model="m", messages=SAY)
        async with serving(translator, other) as running, running.sdk() as sdk:
            with pytest.raises(RateLimitError):
                await sdk.chat.completions.create(model="m", messages=SAY)

    assert answer.model == geminis.MODEL
