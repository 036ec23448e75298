"""LangChain's OpenAI classes, as applications are written with them."""

from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
from langchain_core.messages import HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import SecretStr

from apps.inference.tests.clients_world import City, serving
from apps.inference.tests.gateway_world import USER_KEY, Provider, Running
from apps.inference.tests.openai_api import VECTOR

Served = tuple[Running, Provider]
ASK = [SystemMessage("Be short."), HumanMessage("Hello?")]


@tool
def weather(city: str) -> str:
    """The weather now."""
    return f"sun in {city}"


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving() as opened:
        yield opened


def model(running: Running, name: str = "m", **more: Any) -> ChatOpenAI:
    key = SecretStr(USER_KEY)
    return ChatOpenAI(model=name, base_url=f"{running.url}/v1", api_key=key, max_retries=0, **more)


async def test_chat_is_answered_with_usage(served: Served) -> None:
    running, upstream = served

    answer = await model(running, temperature=0.5).ainvoke(ASK)

    assert (answer.content, answer.response_metadata["finish_reason"]) == ("hello", "stop")
    assert answer.usage_metadata is not None
    assert answer.usage_metadata["total_tokens"] == 10
    assert [message["role"] for message in upstream.bodies[0]["messages"]] == ["system", "user"]


async def test_stream_comes_in_parts_with_usage(served: Served) -> None:
    running, _ = served

    parts = [part async for part in model(running, stream_usage=True).astream(ASK)]

    assert "".join(str(part.content) for part in parts) == "hello"
    assert sum(part.usage_metadata["total_tokens"] for part in parts if part.usage_metadata) == 9


async def test_tools_are_called_and_their_results_go_back(served: Served) -> None:
    running, _ = served
    bound = model(running).bind_tools([weather])

    asked: Any = await bound.ainvoke(ASK)
    (call,) = asked.tool_calls
    result = await weather.ainvoke(call)
    told = await bound.ainvoke([*ASK, asked, result])
    whole: Any = None
    async for part in bound.astream(ASK):
        whole = part if whole is None else whole + part

    assert (call["name"], call["args"]) == ("weather", {"city": "Oslo"})
    assert isinstance(result, ToolMessage)
    assert (result.content, told.content) == ("sun in Oslo", "hello")
    assert [(each["name"], each["args"]) for each in whole.tool_calls] == [("weather", {"city": "Oslo"})]


async def test_answer_has_the_wanted_structure(served: Served) -> None:
    running, upstream = served

    answer = await model(running).with_structured_output(City, method="json_schema").ainvoke(ASK)

    assert answer == City(city="Oslo")
    assert upstream.bodies[0]["response_format"]["json_schema"]["name"] == "City"


async def test_responses_api_is_answered(served: Served) -> None:
    running, upstream = served

    answer = await model(running, use_responses_api=True).ainvoke(ASK)

    assert answer.text == "Hello there."
    assert upstream.paths == ["/v1/responses"]


async def test_texts_are_embedded(served: Served) -> None:
    running, _ = served
    embeddings = OpenAIEmbeddings(
        model="m", base_url=f"{running.url}/v1", api_key=SecretStr(USER_KEY), check_embedding_ctx_length=False
    )

    assert await embeddings.aembed_documents(["a", "b"]) == [VECTOR, VECTOR]
    assert await embeddings.aembed_query("a") == VECTOR


async def test_unknown_model_is_openais_not_found_error(served: Served) -> None:
    running, _ = served

    with pytest.raises(openai.NotFoundError):
        await model(running, "nope").ainvoke(ASK)
