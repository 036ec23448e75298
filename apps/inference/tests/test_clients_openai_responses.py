"""OpenAI's SDK on /v1/responses: of a backend that has it, and of one that does not."""

import json
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest

from apps.inference.tests.clients_world import CITY, City, in_thread
from apps.inference.tests.gateway_world import Provider, Running, backend, gateway, provider, snapshot
from apps.inference.tests.openai_api import chat_api, openai_api
from apps.inference.tests.translator_world import Running as Translator

Served = tuple[Running, Provider]
TOOL: Any = [{"type": "function", "name": "weather", "parameters": CITY, "strict": True}]


async def awake(part: str) -> None:
    assert part == "translator"


@pytest.fixture(params=["native", "translated"])
async def served(request: pytest.FixtureRequest, translator: Translator) -> AsyncIterator[Served]:
    """A gateway on each kind of backend."""
    async with provider(openai_api if request.param == "native" else chat_api) as upstream:
        translation = json.dumps({"model": "openai/served-model", "api_base": upstream.url, "api_key": "sk-x"})
        first = snapshot(backend(upstream.url, translation=translation))
        async with gateway(first, folder=translator.run_dir, start_part=awake) as running:
            yield running, upstream


async def test_response_is_answered(served: Served) -> None:
    running, _ = served

    async with running.sdk() as sdk:
        one = await sdk.responses.create(model="m", input="Hello?", instructions="Be short.")
    other = await in_thread(running, lambda sdk: sdk.responses.create(model="m", input="Hello?"))

    for answer in (one, other):
        assert answer.output_text.lower().startswith("hello")
        assert (answer.status, answer.object) == ("completed", "response")
        assert answer.usage is not None
        assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens > 0


async def test_response_is_streamed(served: Served) -> None:
    running, _ = served

    async with running.sdk() as sdk, sdk.responses.stream(model="m", input="Hello?") as stream:
        seen = [event.type async for event in stream]
        final = await stream.get_final_response()
    events: list[Any] = await in_thread(
        running, lambda sdk: list(sdk.responses.create(model="m", input="Hello?", stream=True))
    )

    assert (seen[0], seen[-1]) == ("response.created", "response.completed")
    assert [event.type for event in events] == seen
    told = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert told == final.output_text == events[-1].response.output_text
    assert events[-1].response.usage.total_tokens > 0


async def test_tools_are_called(served: Served) -> None:
    running, _ = served

    async with running.sdk() as sdk:
        whole = await sdk.responses.create(model="m", input="Weather?", tools=TOOL)
        async with sdk.responses.stream(model="m", input="Weather?", tools=TOOL) as stream:
            final = await stream.get_final_response()

    for answer in (whole, final):
        (call,) = (item for item in answer.output if item.type == "function_call")
        assert (call.name, json.loads(call.arguments)) == ("weather", {"city": "Oslo"})


async def test_answer_is_parsed_by_its_schema(served: Served) -> None:
    running, _ = served

    async with running.sdk() as sdk:
        answer = await sdk.responses.parse(model="m", input="Where?", text_format=City)

    assert answer.output_parsed == City(city="Oslo")


async def test_what_needs_memory_is_refused_and_nothing_is_stored(served: Served) -> None:
    running, upstream = served

    async with running.sdk() as sdk:
        with pytest.raises(openai.BadRequestError) as refused:
            await sdk.responses.create(model="m", input="Hello?", previous_response_id="resp_1")
        await sdk.responses.create(model="m", input="Hello?", store=True)

    assert refused.value.param == "previous_response_id"
    assert [body.get("store", False) for body in upstream.bodies if "input" in body or "messages" in body] == (
        [False] * len(upstream.bodies)
    )
