"""OpenAI's and Anthropic's SDKs against Gemini's generateContent, through the translator."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from anthropic import RateLimitError
from openai import APIError, APIStatusError, AsyncOpenAI, BadRequestError

from apps.inference.tests.gemini_server import KEY, MODEL, VECTOR, Failure, GeminiServer, Reply, gemini_server
from apps.inference.tests.translator_world import ASK, CITY, PNG, SAY, TOOLS, Running, image

PARTS: Any = (
    {"text": "Look."},
    {"functionCall": {"name": "weather", "args": {"city": "Oslo"}}},
    {"functionCall": {"name": "weather", "args": {}}},
)


@pytest.fixture
async def provider() -> AsyncIterator[GeminiServer]:
    async with gemini_server() as server:
        yield server


@pytest.fixture
async def client(translator: Running, provider: GeminiServer) -> AsyncIterator[AsyncOpenAI]:
    async with translator.openai(model=f"gemini/{MODEL}", api_key=KEY, api_base=provider.url) as sdk:
        yield sdk


async def chat(client: AsyncOpenAI, messages: Any = ASK, **more: Any) -> Any:
    return await client.chat.completions.create(model=MODEL, messages=messages, **more)


async def streamed(client: AsyncOpenAI, **more: Any) -> list[Any]:
    stream = await chat(client, stream=True, stream_options={"include_usage": True}, **more)
    return [chunk async for chunk in stream]


async def test_answer_has_the_providers_model_and_usage(client: AsyncOpenAI, provider: GeminiServer) -> None:
    provider.reply = Reply(cached=4, thoughts=3)

    answer = await chat(client, max_tokens=50, temperature=0.5, stop=["END"])

    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == ("Hello there.", "stop")
    assert (answer.model, answer.usage.prompt_tokens_details.cached_tokens) == (MODEL, 4)
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (11, 8, 19)
    assert answer.usage.completion_tokens_details.reasoning_tokens == 3
    received = provider.received[0]
    assert received["system_instruction"] == {"parts": [{"text": "Be short."}]}
    assert received["contents"] == [{"role": "user", "parts": [{"text": "Hello?"}]}]
    assert received["generationConfig"] == {"max_output_tokens": 50, "temperature": 0.5, "stop_sequences": ["END"]}


@pytest.mark.parametrize("late", [False, True])
async def test_stream_brings_text_finish_and_usage_once(
    client: AsyncOpenAI, provider: GeminiServer, late: bool
) -> None:
    provider.reply = Reply(counts_late=late)

    chunks = await streamed(client)

    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    ends = [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices and chunk.choices[0].finish_reason]
    usages = [chunk.usage for chunk in chunks if chunk.usage]
    assert (text, ends) == ("Hello there.", ["stop"])
    assert [(usage.prompt_tokens, usage.completion_tokens) for usage in usages] == [(11, 5)]


async def test_parallel_tool_calls_come_whole_and_streamed(client: AsyncOpenAI, provider: GeminiServer) -> None:
    provider.reply = Reply(PARTS)

    whole, chunks = await chat(client, tools=TOOLS), await streamed(client, tools=TOOLS)

    calls = whole.choices[0].message.tool_calls
    parts = [part for chunk in chunks if chunk.choices for part in chunk.choices[0].delta.tool_calls or ()]
    assert [json.loads(call.function.arguments) for call in calls] == [{"city": "Oslo"}, {}]
    assert [(part.index, json.loads(part.function.arguments)) for part in parts] == [(0, {"city": "Oslo"}), (1, {})]
    assert len({call.id for call in calls}) == len({part.id for part in parts}) == 2
    assert (whole.choices[0].finish_reason, chunks[-2].choices[0].finish_reason) == ("tool_calls", "tool_calls")


async def test_tool_results_go_back_in_geminis_form(client: AsyncOpenAI, provider: GeminiServer) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Oslo"}'}}
    said = {"role": "assistant", "content": None, "tool_calls": [call]}

    await chat(client, [*ASK, said, {"role": "tool", "tool_call_id": "call_1", "content": "sun"}], tools=TOOLS)

    _, used, told = provider.received[0]["contents"]
    (function_call,) = (part["function_call"] for part in used["parts"])
    (response,) = (part["function_response"] for part in told["parts"])
    assert (function_call["name"], function_call["args"]) == ("weather", {"city": "Oslo"})
    assert (response["name"], response["response"]) == ("weather", {"content": "sun"})


async def test_image_reaches_the_provider(client: AsyncOpenAI, provider: GeminiServer) -> None:
    await chat(client, image(f"data:image/png;base64,{PNG}"))

    part = provider.received[0]["contents"][0]["parts"][1]
    assert part["inline_data"] == {"mime_type": "image/png", "data": PNG}


async def test_nothing_is_fetched_from_this_machines_network(client: AsyncOpenAI, provider: GeminiServer) -> None:
    for url in (f"{provider.url}/a.png", "https://127.0.0.1/a.png", "http://10.0.0.1/a.png", "file:///etc/hosts"):
        with pytest.raises(BadRequestError):
            await chat(client, image(url))

    assert provider.received == []


async def test_json_schema_is_asked_for(client: AsyncOpenAI, provider: GeminiServer) -> None:
    provider.reply = Reply([{"text": '{"city": "Oslo"}'}])

    answer = await chat(
        client, response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": CITY, "strict": True}}
    )

    assert json.loads(answer.choices[0].message.content) == {"city": "Oslo"}
    assert provider.received[0]["generationConfig"]["response_mime_type"] == "application/json"


@pytest.mark.parametrize(
    ("reply", "finish"),
    [
        (Reply(finish="MAX_TOKENS"), "length"),
        (Reply(finish="SAFETY"), "content_filter"),
        (Reply(finish="RECITATION"), "content_filter"),
        (Reply(blocked="PROHIBITED_CONTENT"), "content_filter"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.finish,
)
async def test_stop_reason_is_told_in_openais_words(
    client: AsyncOpenAI, provider: GeminiServer, reply: Reply, finish: str
) -> None:
    provider.reply = reply

    whole, chunks = await chat(client), await streamed(client)

    assert (whole.choices[0].finish_reason, chunks[-2].choices[0].finish_reason) == (finish, finish)


@pytest.mark.parametrize(
    ("failure", "status", "code"),
    [
        (Failure(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."), 401, "invalid_api_key"),
        (Failure(400, "INVALID_ARGUMENT", "Bad."), 400, "invalid_request"),
        (Failure(400, "INVALID_ARGUMENT", "The input token count (12) exceeds the maximum number of tokens allowed"),
         400, "context_length_exceeded"),
        (Failure(403, "PERMISSION_DENIED", "No."), 403, "permission_denied"),
        (Failure(404, "NOT_FOUND", "No such model."), 404, "model_not_found"),
        (Failure(429, "RESOURCE_EXHAUSTED", "Quota.", {"retry-after": "7"}), 429, "rate_limit_exceeded"),
        (Failure(500, "INTERNAL", "Broken."), 500, "provider_error"),
        (Failure(503, "UNAVAILABLE", "Overloaded."), 503, "provider_error"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
@pytest.mark.parametrize("stream", [False, True])
async def test_error_keeps_its_status_message_and_retry_after(
    client: AsyncOpenAI, provider: GeminiServer, failure: Failure, status: int, code: str, stream: bool
) -> None:
    provider.failure = failure

    with pytest.raises(APIStatusError) as raised:
        await chat(client, stream=stream)

    body: Any = raised.value.body
    assert (raised.value.status_code, body["code"], body["message"]) == (status, code, failure.message)
    assert raised.value.response.headers.get("retry-after") == failure.headers.get("retry-after")
    assert len(provider.received) == 1


async def test_stream_that_is_cut_ends_with_an_error(client: AsyncOpenAI, provider: GeminiServer) -> None:
    provider.reply = Reply(cut=True)

    with pytest.raises(APIError, match="ended before"):
        await streamed(client)


async def test_anthropics_sdk_is_answered_with_tools(translator: Running, provider: GeminiServer) -> None:
    provider.reply = Reply(PARTS, cached=4)
    tools: Any = [{"name": "weather", "description": "Now.", "input_schema": CITY}]

    async with translator.anthropic(model=f"gemini/{MODEL}", api_key=KEY, api_base=provider.url) as sdk:
        whole = await sdk.messages.create(model=MODEL, max_tokens=99, system="Be short.", messages=SAY, tools=tools)
        async with sdk.messages.stream(model=MODEL, max_tokens=99, messages=SAY, tools=tools) as stream:
            final = await stream.get_final_message()

    for message in (whole, final):
        assert [block.type for block in message.content] == ["text", "tool_use", "tool_use"]
        assert (message.stop_reason, message.model) == ("tool_use", MODEL)
        usage = message.usage
        assert (usage.input_tokens, usage.output_tokens, usage.cache_read_input_tokens) == (7, 5, 4)
    assert provider.received[0]["system_instruction"] == {"parts": [{"text": "Be short."}]}


@pytest.mark.parametrize("stream", [False, True])
async def test_anthropics_sdk_gets_errors_with_their_status(
    translator: Running, provider: GeminiServer, stream: bool
) -> None:
    provider.failure = Failure(429, "RESOURCE_EXHAUSTED", "Quota.", {"retry-after": "7"})

    async with translator.anthropic(model=f"gemini/{MODEL}", api_key=KEY, api_base=provider.url) as sdk:
        with pytest.raises(RateLimitError) as raised:
            await sdk.messages.create(model=MODEL, max_tokens=99, messages=SAY, stream=stream)

    body: Any = raised.value.body
    assert body["type"] == "error"
    assert (body["error"]["type"], body["error"]["message"]) == ("rate_limit_error", "Quota.")
    assert raised.value.response.headers["retry-after"] == "7"


@pytest.mark.parametrize("encoding", [{}, {"encoding_format": "float"}], ids=["the SDK's own", "float"])
async def test_embeddings_come_in_the_encoding_that_was_asked_for(client: AsyncOpenAI, encoding: Any) -> None:
    answer = await client.embeddings.create(model=MODEL, input=["a", "b"], **encoding)

    assert [item.embedding for item in answer.data] == [VECTOR, VECTOR]


async def test_text_completion_is_a_chat_for_the_provider(client: AsyncOpenAI, provider: GeminiServer) -> None:
    whole = await client.completions.create(model=MODEL, prompt="Say hello.")
    stream = await client.completions.create(model=MODEL, prompt="Say hello.", stream=True)
    chunks: list[Any] = [chunk async for chunk in stream]

    assert (whole.object, whole.choices[0].text, whole.choices[0].finish_reason) == (
        "text_completion", "Hello there.", "stop",
    )  # fmt: skip
    assert "".join(chunk.choices[0].text for chunk in chunks) == "Hello there."
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices[0].finish_reason] == ["stop"]
