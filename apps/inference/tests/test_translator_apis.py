"""The Responses API and Anthropic's Messages API, on backends that have them and on those that do not."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from anthropic import APIStatusError as AnthropicStatusError
from anthropic import AsyncAnthropic
from openai import APIStatusError, AsyncOpenAI, BadRequestError

from apps.inference.tests import anthropic_server as anthropics
from apps.inference.tests.anthropic_server import AnthropicServer, anthropic_server
from apps.inference.tests.chat_server import MODEL, ChatServer, chat_server
from apps.inference.tests.translator_world import CITY, SAY, Running

FUNCTION: Any = [{"type": "function", "name": "weather", "parameters": CITY, "strict": False}]
TOOL: Any = [{"name": "weather", "input_schema": CITY}]
USED: Any = (
    {"type": "text", "text": "Let me see."},
    {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Oslo"}},
)
ORDER = [
    "response.created",
    "response.in_progress",
    "response.output_item.added",
    "response.content_part.added",
    "response.output_text.delta",
    "response.output_text.delta",
    "response.output_text.done",
    "response.content_part.done",
    "response.output_item.done",
    "response.completed",
]


@pytest.fixture
async def served() -> AsyncIterator[ChatServer]:
    async with chat_server() as server:
        yield server


@pytest.fixture
async def anthropic() -> AsyncIterator[AnthropicServer]:
    async with anthropic_server() as server:
        yield server


@pytest.fixture(params=["chat", "anthropic"])
async def responding(
    request: pytest.FixtureRequest, translator: Running, served: ChatServer, anthropic: AnthropicServer
) -> AsyncIterator[AsyncOpenAI]:
    """OpenAI's SDK on each of the two servers, neither of which has a Responses API."""
    chat = {"model": f"openai/{MODEL}", "api_base": served.url}
    other = {"model": f"anthropic/{MODEL}", "api_base": anthropic.url, "api_key": anthropics.KEY}
    async with translator.openai(**(chat if request.param == "chat" else other)) as sdk:
        yield sdk


@pytest.fixture
async def native(translator: Running, anthropic: AnthropicServer) -> AsyncIterator[AsyncAnthropic]:
    """Anthropic's SDK on its own API."""
    target = {"model": f"anthropic/{anthropics.MODEL}", "api_key": anthropics.KEY, "api_base": anthropic.url}
    async with translator.anthropic(**target) as sdk:
        yield sdk


async def ask(sdk: AsyncAnthropic, **more: Any) -> Any:
    return await sdk.messages.create(model="any", max_tokens=99, messages=SAY, **more)


async def test_response_is_answered_without_a_responses_api(responding: AsyncOpenAI) -> None:
    answer = await responding.responses.create(model=MODEL, input="Hello?", instructions="Be short.")

    assert (answer.output_text, answer.status, answer.object) == ("Hello there.", "completed", "response")
    assert answer.id.startswith("resp_")
    assert answer.usage is not None
    assert (answer.usage.input_tokens, answer.usage.output_tokens, answer.usage.total_tokens) == (11, 5, 16)


async def test_response_is_streamed_with_the_official_events(responding: AsyncOpenAI) -> None:
    events: list[Any] = [
        event async for event in await responding.responses.create(model=MODEL, input="Hello?", stream=True)
    ]

    assert [event.type for event in events] == ORDER
    assert [event.sequence_number for event in events] == [*range(len(ORDER))]
    first, last = events[0].response, events[-1].response
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == "Hello there."
    assert (first.id, first.model, first.store) == (last.id, last.model, False)
    assert (last.output_text, last.usage.input_tokens, last.usage.output_tokens) == ("Hello there.", 11, 5)


async def test_responses_tools_are_called_and_their_results_go_back(translator: Running, served: ChatServer) -> None:
    call: Any = {"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": '{"city": "Oslo"}'}
    result: Any = {"type": "function_call_output", "call_id": "call_1", "output": "sun"}

    async with translator.openai(model=f"openai/{MODEL}", api_base=served.url) as sdk:
        whole = await sdk.responses.create(model=MODEL, input="Weather?", tools=FUNCTION)
        async with sdk.responses.stream(model=MODEL, input="Weather?", tools=FUNCTION) as stream:
            final = await stream.get_final_response()
        await sdk.responses.create(model=MODEL, input=[{"role": "user", "content": "Weather?"}, call, result])

    for answer in (whole, final):
        calls = [item for item in answer.output if item.type == "function_call"]
        assert [(item.name, item.call_id, item.arguments) for item in calls] == [
            ("weather", "call_1", '{"city": "Oslo"}')
        ]
    said = served.received[-1]["messages"]
    assert [message["role"] for message in said] == ["user", "assistant", "tool"]
    assert (said[1]["tool_calls"][0]["id"], said[2]["tool_call_id"]) == ("call_1", "call_1")


@pytest.mark.parametrize(
    "field", [{"previous_response_id": "resp_1"}, {"background": True}, {"conversation": "conv_1"}], ids=str
)
async def test_what_needs_memory_is_refused(responding: AsyncOpenAI, field: dict[str, Any]) -> None:
    with pytest.raises(BadRequestError, match="not kept") as raised:
        await responding.responses.create(model=MODEL, input="Hello?", **field)

    assert raised.value.param == next(iter(field))


async def test_response_stream_that_is_cut_ends_with_an_error_event(translator: Running, served: ChatServer) -> None:
    served.cut = True

    async with translator.openai(model=f"openai/{MODEL}", api_base=served.url) as sdk:
        stream = await sdk.responses.create(model=MODEL, input="Hello?", stream=True)
        types: list[str] = [event.type async for event in stream]

    assert types[-1] == "error"
    assert "response.completed" not in types


async def test_message_goes_to_anthropic_as_it_is(native: AsyncAnthropic, anthropic: AnthropicServer) -> None:
    anthropic.does(anthropics.Reply(USED, stop_reason="tool_use", cache_read=7))

    beta = {"anthropic-beta": "context-1m-2025-08-07"}
    whole = await ask(native, system="Be short.", tools=TOOL, stop_sequences=["END"], extra_headers=beta)
    assert anthropic.beta == "context-1m-2025-08-07"
    async with native.messages.stream(model="any", max_tokens=99, messages=SAY, tools=TOOL) as stream:
        final = await stream.get_final_message()

    for message in (whole, final):
        assert [block.type for block in message.content] == ["text", "tool_use"]
        assert (message.stop_reason, message.model) == ("tool_use", anthropics.MODEL)
        assert (message.usage.input_tokens, message.usage.cache_read_input_tokens) == (11, 7)
    sent = anthropic.received[0]
    assert (sent["model"], sent["system"], sent["stop_sequences"]) == (anthropics.MODEL, "Be short.", ["END"])


@pytest.mark.parametrize("stream", [False, True])
async def test_anthropics_errors_come_through(native: AsyncAnthropic, anthropic: AnthropicServer, stream: bool) -> None:
    anthropic.does(failure=anthropics.Failure(529, "overloaded_error", "Overloaded", {"retry-after": "2"}))

    with pytest.raises(AnthropicStatusError) as raised:
        await ask(native, stream=stream)

    body: Any = raised.value.body
    assert (raised.value.status_code, body["error"]["type"]) == (529, "overloaded_error")
    assert raised.value.response.headers["retry-after"] == "2"


async def test_anthropics_stream_that_begins_with_an_error_has_its_status(
    native: AsyncAnthropic, anthropic: AnthropicServer
) -> None:
    for kind, status in (("rate_limit_error", 429), ("overloaded_error", 529)):
        anthropic.does(anthropics.Reply(blocks=(), fails=kind))

        with pytest.raises(AnthropicStatusError) as raised:
            await ask(native, stream=True)

        assert raised.value.status_code == status


async def test_anthropics_stream_that_is_cut_ends_with_an_error(
    native: AsyncAnthropic, anthropic: AnthropicServer
) -> None:
    anthropic.does(anthropics.Reply(cut=True))
    stream = await ask(native, stream=True)

    with pytest.raises(AnthropicStatusError):
        _ = [event async for event in stream]


async def test_caller_who_leaves_ends_the_call_to_anthropic(native: AsyncAnthropic, anthropic: AnthropicServer) -> None:
    anthropic.does(anthropics.Reply(waits=True))

    for _ in range(8):  # whether the write or the close fails first is a matter of microseconds
        anthropic.left.clear()
        await (await ask(native, stream=True)).close()

        await asyncio.wait_for(anthropic.left.wait(), 10)


async def test_message_is_translated_for_others(translator: Running, served: ChatServer) -> None:
    async with translator.anthropic(model=f"openai/{MODEL}", api_base=served.url) as sdk:
        whole = await ask(sdk, system="Be short.", tools=TOOL, stop_sequences=["END"])
        async with sdk.messages.stream(model="any", max_tokens=99, messages=SAY, tools=TOOL) as stream:
            final: Any = await stream.get_final_message()

    for message in (whole, final):
        assert [block.type for block in message.content] == ["text", "tool_use"]
        assert (message.content[1].input, message.stop_reason) == ({"city": "Oslo"}, "tool_use")
        assert (message.usage.input_tokens, message.usage.output_tokens) == (8, 5)
        assert message.usage.cache_read_input_tokens == 3
    sent = served.received[0]
    assert (sent["messages"][0], sent["stop"]) == ({"role": "system", "content": "Be short."}, ["END"])
    assert sent["tools"][0]["function"]["parameters"] == CITY


async def test_key_of_the_environment_is_not_sent_to_another_address(translator: Running, served: ChatServer) -> None:
    async with translator.openai(model=f"openai/{MODEL}", api_base=served.url) as sdk:
        await sdk.chat.completions.create(model=MODEL, messages=SAY)

    assert served.headers[0]["authorization"] == "Bearer none"


async def test_backend_on_a_socket_is_reached(translator: Running) -> None:
    async with chat_server(str(translator.run_dir / "other.sock")):
        target = {"model": f"openai/{MODEL}", "socket": "other.sock"}
        async with translator.openai(**target) as sdk, translator.anthropic(**target) as other:
            response = await sdk.responses.create(model=MODEL, input="Hello?")
            message = await ask(other)

    assert (response.output_text, message.content[0].text) == ("Hello there.", "Hello there.")


async def test_provider_that_is_away_is_a_502(translator: Running) -> None:
    for model in ("anthropic/x", "gemini/x", "openai/x"):
        target = {"model": model, "api_key": "sk-very-secret", "api_base": "http://127.0.0.1:9"}
        async with translator.openai(**target) as sdk:
            with pytest.raises(APIStatusError) as raised:
                await sdk.chat.completions.create(model=MODEL, messages=SAY)
        assert (raised.value.status_code, raised.value.code) == (502, "provider_unreachable")
        assert "secret" not in raised.value.response.text


async def test_provider_that_is_silent_is_a_504(translator: Running, anthropic: AnthropicServer) -> None:
    anthropic.does(anthropics.Reply(waits=True))
    target = {"model": "anthropic/x", "api_key": anthropics.KEY, "api_base": anthropic.url, "timeout": 0.2}

    for path, body in (
        ("/v1/chat/completions", {"messages": SAY}),
        ("/v1/messages", {"messages": SAY, "max_tokens": 9}),
    ):
        async with translator.http(**target) as http:
            answer = await http.post(path, json=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (504, "provider_timeout")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "invalid_json"),
        (b"[]", 400, "invalid_json"),
        (b"{}", 400, "invalid_type"),
        (b'{"messages": "x"}', 400, "invalid_type"),
        (b'{"messages": ["x"]}', 400, "invalid_type"),
        (b'{"messages": [{"role": "user", "content": 5}]}', 400, "invalid_type"),
        (b'{"messages": [], "tools": 5}', 400, "invalid_type"),
        (b'{"messages": [], "tools": [{"type": "function"}]}', 400, "invalid_type"),
        (b'{"messages": [], "response_format": {"type": "json_schema"}}', 400, "invalid_type"),
        (b'{"messages": [], "max_tokens": "x"}', 400, "invalid_type"),
        (b'{"messages": ["' + b"x" * 400_000 + b'"]}', 413, "body_too_large"),
    ],
    ids=["cut", "list", "empty", "type", "message", "content", "tools", "function", "schema", "number", "size"],
)
async def test_bad_request_is_named(translator: Running, body: bytes, status: int, code: str) -> None:
    async with translator.http(model="anthropic/x") as http:
        answer = await http.post("/v1/chat/completions", content=body)

    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


async def test_wrong_type_is_never_the_backends_fault(translator: Running, anthropic: AnthropicServer) -> None:
    async with translator.http(model="anthropic/x", api_key=anthropics.KEY, api_base=anthropic.url) as http:
        for body in ({"input": [5]}, {"input": "x", "tools": 5}, {"input": "x", "reasoning": 5}):
            assert (await http.post("/v1/responses", json=body)).status_code == 400
        for more in ({"tools": 5}, {"tools": ["x"]}, {"metadata": 5}, {"tool_choice": 5}):
            answer = await http.post("/v1/messages", json={"messages": SAY, "max_tokens": 9, **more})
            assert (answer.status_code, next(iter(more)) in answer.text) == (400, True)

    assert anthropic.received == []


async def test_backend_with_much_to_say_is_reached(translator: Running, served: ChatServer) -> None:
    note = "n" * 300_000
    async with translator.openai(model=f"openai/{MODEL}", api_base=served.url, extra_body={"note": note}) as sdk:
        await sdk.chat.completions.create(model=MODEL, messages=SAY)

    assert served.received[0]["note"] == note


async def test_secret_in_a_header_of_the_entry_is_not_told(translator: Running, anthropic: AnthropicServer) -> None:
    secret = "only-for-the-provider"
    entry = {"model": "anthropic/x", "api_base": anthropic.url, "extra_headers": {"x-api-key": secret}}
    async with translator.http(**entry, api_key="unused-key") as http:
        for path in ("/v1/chat/completions", "/v1/messages"):
            answer = await http.post(path, json={"messages": SAY, "max_tokens": 9})
            assert (answer.status_code, secret in answer.text) == (401, False)


async def test_request_without_a_backend_is_refused(translator: Running) -> None:
    async with translator.http() as http:
        answer = await http.post("/v1/chat/completions", json={"messages": SAY})

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "no_backend")


async def test_no_more_calls_at_once_than_allowed(translator: Running, anthropic: AnthropicServer) -> None:
    anthropic.does(anthropics.Reply(waits=True))
    target = {"model": "anthropic/x", "api_key": anthropics.KEY, "api_base": anthropic.url}
    async with translator.http(**target) as http:
        calls = [asyncio.create_task(_post(http)) for _ in range(5)]
        done, waiting = await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED, timeout=10)
        for call in waiting:
            call.cancel()

    (refused,) = done
    answer = refused.result()
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "translator_full")
    assert answer.headers["retry-after"] == "1"


async def _post(http: httpx.AsyncClient) -> httpx.Response:
    return await http.post("/v1/chat/completions", json={"messages": SAY})
