"""OpenAI's SDK, async and sync, with its strict response validation on."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from apps.inference.tests.clients_world import ASK, CITY, SAY, TOOLS, City, in_thread, serving
from apps.inference.tests.gateway_world import Provider, Running
from apps.inference.tests.openai_api import COUNTED, VECTOR

Served = tuple[Running, Provider]
FORMAT: Any = {"type": "json_schema", "json_schema": {"name": "city", "schema": CITY, "strict": True}}
COUNT: Any = {"include_usage": True}


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving() as opened:
        yield opened


def text(chunks: list[Any]) -> str:
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


async def test_chat_is_answered(served: Served) -> None:
    running, upstream = served

    async with running.sdk() as sdk:
        one = await sdk.chat.completions.create(model="m", messages=ASK, temperature=0.5)
    other = await in_thread(running, lambda sdk: sdk.chat.completions.create(model="m", messages=ASK, temperature=0.5))

    assert one == other
    assert (one.choices[0].message.content, one.choices[0].finish_reason) == ("hello", "stop")
    assert one.usage is not None
    assert one.usage.total_tokens == 10
    assert upstream.bodies == [{"model": "served-model", "messages": ASK, "temperature": 0.5}] * 2


async def test_stream_comes_in_parts_with_usage_for_those_who_ask(served: Served) -> None:
    running, _ = served

    async with running.sdk() as sdk:
        plain = [part async for part in await sdk.chat.completions.create(model="m", messages=SAY, stream=True)]
        counted = await in_thread(
            running,
            lambda sdk: list(sdk.chat.completions.create(model="m", messages=SAY, stream=True, stream_options=COUNT)),
        )

    assert text(plain) == text(counted) == "hello"
    assert all(part.choices for part in plain)
    assert [part.usage.model_dump(exclude_none=True) for part in counted if part.usage] == [COUNTED]


async def test_tools_are_called_and_their_results_go_back(served: Served) -> None:
    running, upstream = served

    async with running.sdk() as sdk:
        whole: Any = await sdk.chat.completions.create(model="m", messages=SAY, tools=TOOLS)
        async with sdk.chat.completions.stream(model="m", messages=SAY, tools=TOOLS) as stream:
            final: Any = await stream.get_final_completion()
        (call,) = final.choices[0].message.tool_calls
        result: Any = {"role": "tool", "tool_call_id": call.id, "content": "sun"}
        said = [*SAY, whole.choices[0].message, result]
        told = await sdk.chat.completions.create(model="m", messages=said, tools=TOOLS)

    for answer in (whole, final):
        (call,) = answer.choices[0].message.tool_calls
        assert (call.id, call.function.name) == ("call_1", "weather")
        assert json.loads(call.function.arguments) == {"city": "Oslo"}
        assert answer.choices[0].finish_reason == "tool_calls"
    assert told.choices[0].message.content == "hello"
    assert upstream.bodies[0]["tools"] == TOOLS


async def test_streamed_tool_call_comes_in_parts(served: Served) -> None:
    running, _ = served

    parts: list[Any] = await in_thread(
        running, lambda sdk: list(sdk.chat.completions.create(model="m", messages=SAY, tools=TOOLS, stream=True))
    )

    calls = [call for part in parts for call in part.choices[0].delta.tool_calls or ()]
    assert (calls[0].id, calls[0].function.name, len(calls)) == ("call_1", "weather", 4)
    assert json.loads("".join(call.function.arguments for call in calls)) == {"city": "Oslo"}


async def test_answer_is_parsed_by_its_schema(served: Served) -> None:
    running, upstream = served

    async with running.sdk() as sdk:
        one = await sdk.chat.completions.parse(model="m", messages=SAY, response_format=City)
        async with sdk.chat.completions.stream(model="m", messages=SAY, response_format=City) as stream:
            streamed = await stream.get_final_completion()
        plain = await sdk.chat.completions.create(model="m", messages=SAY, response_format=FORMAT)
    other = await in_thread(
        running, lambda sdk: sdk.chat.completions.parse(model="m", messages=SAY, response_format=City)
    )

    for answer in (one, other, streamed):
        assert answer.choices[0].message.parsed == City(city="Oslo")
    assert json.loads(plain.choices[0].message.content or "") == {"city": "Oslo"}
    assert upstream.bodies[2]["response_format"] == FORMAT


async def test_texts_are_embedded_in_either_encoding(served: Served) -> None:
    running, upstream = served
    lenient: Any = {"_strict_response_validation": False}  # strictly, the SDK refuses the encoding that it asks for

    async with running.sdk() as sdk:
        plain = await sdk.embeddings.create(model="m", input="a", encoding_format="float")
    packed = await in_thread(running, lambda sdk: sdk.embeddings.create(model="m", input=["a", "b"]), **lenient)

    assert [item.embedding for item in packed.data] == [VECTOR, VECTOR]
    assert (plain.data[0].embedding, plain.usage.total_tokens) == (VECTOR, 4)
    assert [body["encoding_format"] for body in upstream.bodies] == ["float", "base64"]


@pytest.mark.parametrize("path", ["/v1", ""])
async def test_models_are_listed_at_either_address(served: Served, path: str) -> None:
    running, _ = served
    address: Any = {"base_url": running.url + path}

    listed = await in_thread(running, lambda sdk: [model.id for model in sdk.models.list()], **address)
    one = await in_thread(running, lambda sdk: sdk.models.retrieve("m"), **address)

    assert (listed, one.id) == (["alias", "m"], "m")
