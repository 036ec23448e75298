"""OpenAI's SDK against Anthropic's Messages API, through the translator."""

from collections.abc import AsyncIterator, Iterator

import pytest
from openai import AsyncOpenAI

from apps.inference.tests.anthropic_server import KEY, MODEL, AnthropicServer, anthropic_server
from apps.inference.tests.translator_world import Running, running

ASK = [{"role": "system", "content": "Be short."}, {"role": "user", "content": "Hello?"}]


@pytest.fixture(scope="module")
def translator() -> Iterator[Running]:
    with running() as process:
        yield process


@pytest.fixture
async def provider() -> AsyncIterator[AnthropicServer]:
    async with anthropic_server() as server:
        yield server


@pytest.fixture
async def client(translator: Running, provider: AnthropicServer) -> AsyncIterator[AsyncOpenAI]:
    async with translator.openai(model=f"anthropic/{MODEL}", api_key=KEY, api_base=provider.url) as sdk:
        yield sdk


async def test_chat_is_answered_with_the_providers_model_and_usage(
    client: AsyncOpenAI, provider: AnthropicServer
) -> None:
    answer = await client.chat.completions.create(model=MODEL, messages=ASK)

    assert answer.choices[0].message.content == "Hello there."
    assert answer.choices[0].finish_reason == "stop"
    assert answer.model == MODEL
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (11, 5, 16)
    assert provider.received[0]["system"] == [{"type": "text", "text": "Be short."}]


async def test_stream_brings_the_text_and_the_usage_once(client: AsyncOpenAI) -> None:
    stream = await client.chat.completions.create(
        model=MODEL, messages=ASK, stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]

    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    ends = [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices and chunk.choices[0].finish_reason]
    usages = [chunk.usage for chunk in chunks if chunk.usage]
    assert (text, ends) == ("Hello there.", ["stop"])
    assert [(usage.prompt_tokens, usage.completion_tokens) for usage in usages] == [(11, 5)]
    assert chunks[-1].choices == []
    assert {chunk.model for chunk in chunks} == {MODEL}
