"""OpenAI's SDK against Anthropic's Messages API, through the translator."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from openai import APIError, APIStatusError, AsyncOpenAI, BadRequestError

from apps.inference.tests.anthropic_server import KEY, MODEL, AnthropicServer, Failure, Reply, anthropic_server
from apps.inference.tests.translator_world import ASK, PNG, TOOLS, Running, image

CALLS: Any = (
    {"type": "text", "text": "Let me see."},
    {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Oslo"}},
    {"type": "tool_use", "id": "toolu_2", "name": "weather", "input": {}},
)
SCHEMA: Any = {"name": "number", "schema": {"type": "object", "properties": {"a": {"type": "integer"}}}}
PREFILL = "This model does not support assistant message prefill."


@pytest.fixture
async def provider() -> AsyncIterator[AnthropicServer]:
    async with anthropic_server() as server:
        yield server


@pytest.fixture
async def client(translator: Running, provider: AnthropicServer) -> AsyncIterator[AsyncOpenAI]:
    async with translator.openai(model=f"anthropic/{MODEL}", api_key=KEY, api_base=provider.url) as sdk:
        yield sdk


async def chat(client: AsyncOpenAI, messages: Any = ASK, **more: Any) -> Any:
    return await client.chat.completions.create(model=MODEL, messages=messages, **more)


async def streamed(client: AsyncOpenAI, **more: Any) -> list[Any]:
    stream = await chat(client, stream=True, stream_options={"include_usage": True}, **more)
    return [chunk async for chunk in stream]


async def until_error(stream: Any) -> tuple[list[Any], Exception | None]:
    chunks = []
    try:
        async for chunk in stream:
            chunks.append(chunk)  # noqa: PERF401  # those before the error count
    except APIError as error:
        return chunks, error
    return chunks, None


def counted(usage: Any) -> tuple[int, int, int, int]:
    details = usage.prompt_tokens_details
    return usage.prompt_tokens, usage.completion_tokens, usage.total_tokens, details.cached_tokens


async def test_answer_has_the_providers_model_and_usage(client: AsyncOpenAI, provider: AnthropicServer) -> None:
    provider.does(Reply(cache_read=7))

    answer = await chat(client, stop=["END"], max_completion_tokens=99)

    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == ("Hello there.", "stop")
    assert answer.model == MODEL
    assert counted(answer.usage) == (18, 5, 23, 7)
    assert provider.received[0]["system"] == [{"type": "text", "text": "Be short."}]
    assert (provider.received[0]["stop_sequences"], provider.received[0]["max_tokens"]) == (["END"], 99)


async def test_stream_brings_text_finish_and_usage_once(client: AsyncOpenAI, provider: AnthropicServer) -> None:
    provider.does(Reply(cache_read=7))

    chunks = await streamed(client)

    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    ends = [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices and chunk.choices[0].finish_reason]
    assert (text, ends) == ("Hello there.", ["stop"])
    assert [counted(chunk.usage) for chunk in chunks if chunk.usage] == [(18, 5, 23, 7)]
    assert chunks[-1].choices == []
    assert {chunk.model for chunk in chunks} == {MODEL}


async def test_text_with_any_line_separator_is_streamed_whole(
    client: AsyncOpenAI, translator: Running, provider: AnthropicServer
) -> None:
    text = "one\u2028two\x85three\x1cfour"
    provider.does(Reply([{"type": "text", "text": text}]))

    chunks = await streamed(client)
    async with translator.anthropic(model=f"anthropic/{MODEL}", api_key=KEY, api_base=provider.url) as sdk:
        raw = sdk.messages.with_streaming_response.create(model=MODEL, max_tokens=9, messages=ASK[1:], stream=True)
        async with raw as response:
            sent = await response.read()

    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == text
    assert all(part in sent.decode() for part in (text[:4], "two\x85three"))


async def test_stream_has_no_usage_unless_asked(client: AsyncOpenAI) -> None:
    stream = await chat(client, stream=True)

    assert [chunk.usage async for chunk in stream if chunk.usage] == []


async def test_parallel_tool_calls_come_whole_and_streamed(client: AsyncOpenAI, provider: AnthropicServer) -> None:
    provider.does(Reply(CALLS, stop_reason="tool_use"))

    whole = await chat(client, tools=TOOLS, tool_choice="required", parallel_tool_calls=True)
    chunks = await streamed(client, tools=TOOLS)

    calls = whole.choices[0].message.tool_calls
    assert [(call.id, json.loads(call.function.arguments)) for call in calls] == [
        ("toolu_1", {"city": "Oslo"}),
        ("toolu_2", {}),
    ]
    assert whole.choices[0].finish_reason == "tool_calls"
    assert provider.received[0]["tool_choice"]["type"] == "any"
    parts = [part for chunk in chunks if chunk.choices for part in chunk.choices[0].delta.tool_calls or ()]
    arguments = ["".join(part.function.arguments for part in parts if part.index == index) for index in (0, 1)]
    assert [json.loads(text) for text in arguments] == [{"city": "Oslo"}, {}]
    assert [(part.index, part.id) for part in parts if part.id] == [(0, "toolu_1"), (1, "toolu_2")]
    assert chunks[-2].choices[0].finish_reason == "tool_calls"


async def test_tool_results_go_back_in_anthropics_form(client: AsyncOpenAI, provider: AnthropicServer) -> None:
    call = {"id": "toolu_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Oslo"}'}}
    said = {"role": "assistant", "content": None, "tool_calls": [call]}
    result = {"role": "tool", "tool_call_id": "toolu_1", "content": "sun"}

    await chat(client, [*ASK, said, result], tools=TOOLS)

    _, used, told = provider.received[0]["messages"]
    assert used["content"] == [{"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Oslo"}}]
    assert told["content"] == [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "sun"}]


async def test_json_schema_is_answered_with_json(client: AsyncOpenAI, provider: AnthropicServer) -> None:
    block = {"type": "tool_use", "id": "t", "name": "json_tool_call", "input": {"a": 1}}
    provider.does(Reply([block], stop_reason="tool_use"))

    answer = await chat(client, response_format={"type": "json_schema", "json_schema": SCHEMA})

    assert json.loads(answer.choices[0].message.content) == {"a": 1}
    assert (answer.choices[0].finish_reason, answer.choices[0].message.tool_calls) == ("stop", None)


@pytest.mark.parametrize(
    ("url", "source"),
    [
        (f"data:image/png;base64,{PNG}", {"type": "base64", "media_type": "image/png", "data": PNG}),
        ("https://images.example/a.png", {"type": "url", "url": "https://images.example/a.png"}),
    ],
    ids=["data", "address"],
)
async def test_image_reaches_the_provider(
    client: AsyncOpenAI, provider: AnthropicServer, url: str, source: object
) -> None:
    await chat(client, image(url))

    assert provider.received[0]["messages"][0]["content"][1] == {"type": "image", "source": source}


async def test_nothing_is_fetched_from_this_machines_network(client: AsyncOpenAI, provider: AnthropicServer) -> None:
    for url in (f"{provider.url}/a.png", "http://169.254.169.254/latest", "http://[::1]/a.png", "file:///etc/passwd"):
        with pytest.raises(BadRequestError):
            await chat(client, image(url))

    assert provider.received == []


@pytest.mark.parametrize(
    ("stop_reason", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("refusal", "content_filter"),
    ],
)
async def test_stop_reason_is_told_in_openais_words(
    client: AsyncOpenAI, provider: AnthropicServer, stop_reason: str, finish: str
) -> None:
    provider.does(Reply(stop_reason=stop_reason))

    whole, chunks = await chat(client), await streamed(client)

    assert (whole.choices[0].finish_reason, chunks[-2].choices[0].finish_reason) == (finish, finish)


async def test_thinking_is_passed_on(client: AsyncOpenAI, provider: AnthropicServer) -> None:
    provider.does(
        Reply([{"type": "thinking", "thinking": "hm", "signature": "s"}, {"type": "text", "text": "Yes, sir."}])
    )

    answer = await chat(client, extra_body={"thinking": {"type": "enabled", "budget_tokens": 1024}}, max_tokens=2000)

    assert (answer.choices[0].message.content, answer.choices[0].message.reasoning_content) == ("Yes, sir.", "hm")


@pytest.mark.parametrize(
    ("failure", "status", "code"),
    [
        (Failure(401, "authentication_error", f"invalid x-api-key {KEY}"), 401, "invalid_api_key"),
        (Failure(403, "permission_error", "no"), 403, "permission_denied"),
        (Failure(404, "not_found_error", "model: x"), 404, "model_not_found"),
        (Failure(413, "request_too_large", "big"), 413, "request_too_large"),
        (Failure(429, "rate_limit_error", "slow", {"retry-after": "7"}), 429, "rate_limit_exceeded"),
        (Failure(400, "invalid_request_error", "prompt is too long: 2 tokens > 1"), 400, "context_length_exceeded"),
        (Failure(400, "invalid_request_error", "Output blocked by content filtering policy"), 400,
         "content_policy_violation"),
        (Failure(400, "invalid_request_error", PREFILL), 400, "invalid_request"),
        (Failure(500, "api_error", "Internal"), 500, "provider_error"),
        (Failure(503, "api_error", "Away", {"retry-after": "3"}), 503, "provider_error"),
        (Failure(529, "overloaded_error", "Overloaded"), 529, "overloaded"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
@pytest.mark.parametrize("stream", [False, True])
async def test_error_keeps_its_status_message_and_retry_after(
    client: AsyncOpenAI, provider: AnthropicServer, failure: Failure, status: int, code: str, stream: bool
) -> None:
    provider.does(failure=failure)

    with pytest.raises(APIStatusError) as raised:
        await chat(client, stream=stream)

    body: Any = raised.value.body
    assert (raised.value.status_code, body["code"]) == (status, code)
    assert body["message"].split(" sk-")[0].startswith(failure.message.split(" sk-")[0][:20])
    assert KEY not in raised.value.response.text
    assert raised.value.response.headers.get("retry-after") == failure.headers.get("retry-after")
    assert len(provider.received) == 1  # no retries here


@pytest.mark.parametrize("reply", [Reply(cut=True), Reply(fails="overloaded_error")], ids=["cut", "error"])
async def test_stream_that_breaks_ends_with_an_error(
    client: AsyncOpenAI, provider: AnthropicServer, reply: Reply
) -> None:
    provider.does(reply)
    stream = await chat(client, stream=True)

    chunks, error = await until_error(stream)

    assert isinstance(error, APIError)
    assert {chunk.choices[0].finish_reason for chunk in chunks} == {None}


async def test_stream_that_breaks_at_once_is_an_error_with_a_status(
    client: AsyncOpenAI, provider: AnthropicServer
) -> None:
    provider.does(Reply(blocks=(), cut=True))

    with pytest.raises(APIStatusError) as raised:
        await chat(client, stream=True)

    assert raised.value.status_code == 502


@pytest.mark.parametrize("stream", [False, True])
async def test_caller_who_leaves_ends_the_call_to_the_provider(
    client: AsyncOpenAI, provider: AnthropicServer, stream: bool
) -> None:
    provider.does(Reply(waits=True))
    call = asyncio.create_task(chat(client, stream=stream))
    if stream:
        await (await call).close()
    else:
        await asyncio.wait_for(provider.asked.wait(), 10)
        call.cancel()

    await asyncio.wait_for(provider.left.wait(), 10)


async def test_field_that_the_provider_lacks_is_refused_or_dropped(
    client: AsyncOpenAI, translator: Running, provider: AnthropicServer
) -> None:
    for field in ("logprobs", "api_base", "mock_response"):
        with pytest.raises(BadRequestError, match="drop_params") as raised:
            await chat(client, extra_body={field: "x"})
        assert raised.value.code == "unsupported_parameter"

    dropping = translator.openai(model=f"anthropic/{MODEL}", api_key=KEY, api_base=provider.url, drop_params=True)
    async with dropping as sdk:
        answer = await chat(sdk, extra_body={"mock_response": "x", "logprobs": True})

    assert answer.choices[0].message.content == "Hello there."


async def test_parameters_of_the_entry_give_way_to_the_callers(translator: Running, provider: AnthropicServer) -> None:
    entry = {"model": f"anthropic/{MODEL}", "api_key": KEY, "api_base": provider.url, "temperature": 0.2}
    async with translator.openai(**entry) as sdk:
        await chat(sdk)
        await chat(sdk, temperature=0.7)
    async with translator.anthropic(**entry) as other:
        await other.messages.create(model=MODEL, max_tokens=9, messages=ASK[1:])
        await other.messages.create(model=MODEL, max_tokens=9, messages=ASK[1:], extra_body={"temperature": 0.7})

    assert [body["temperature"] for body in provider.received] == [0.2, 0.7, 0.2, 0.7]
