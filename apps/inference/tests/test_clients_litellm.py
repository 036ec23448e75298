"""LiteLLM's SDK, as it calls a server of OpenAI's format and as it calls its own proxy."""

import asyncio
import os
from collections.abc import AsyncIterator
from typing import Any

import pytest

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else its import asks the network for prices
import litellm

from apps.inference.tests.clients_world import ASK, SAY, TOOLS, City, serving
from apps.inference.tests.gateway_world import USER_KEY, Provider, Running, backend, gateway, provider, snapshot
from apps.inference.tests.openai_api import VECTOR, failing

Served = tuple[Running, Provider]
BOTH = pytest.mark.parametrize("model", ["openai/m", "litellm_proxy/m"])
PRICE = 1000


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving(input_nano_usd_per_token=PRICE, output_nano_usd_per_token=PRICE) as opened:
        yield opened


def to(running: Running, model: str, path: str = "/v1") -> dict[str, Any]:
    return {"model": model, "api_base": running.url + path, "api_key": USER_KEY, "max_retries": 0}


@BOTH
@pytest.mark.parametrize("path", ["/v1", ""])
async def test_completion_is_answered(served: Served, model: str, path: str) -> None:
    running, upstream = served

    one: Any = await litellm.acompletion(messages=ASK, **to(running, model, path))
    other: Any = await asyncio.to_thread(litellm.completion, messages=ASK, **to(running, model, path))

    for answer in (one, other):
        assert (answer.choices[0].message.content, answer.usage.total_tokens) == ("hello", 10)
    assert [body["model"] for body in upstream.bodies] == ["served-model"] * 2


@BOTH
async def test_answer_tells_who_served_it_and_what_it_cost(served: Served, model: str) -> None:
    running, _ = served

    answer: Any = await litellm.acompletion(messages=SAY, **to(running, model))

    told = answer._hidden_params["additional_headers"]
    assert told["llm_provider-x-litellm-model-group"] == "m"
    assert told["llm_provider-x-litellm-model-id"] == "b1"
    assert float(told["llm_provider-x-litellm-response-cost"]) == 10 * PRICE / 1e9


async def test_cost_is_the_gateways_for_its_own_proxy(served: Served) -> None:
    running, _ = served

    answer: Any = await litellm.acompletion(messages=SAY, **to(running, "litellm_proxy/m"))

    assert answer._hidden_params["response_cost"] == 10 * PRICE / 1e9


@BOTH
async def test_stream_comes_in_parts(served: Served, model: str) -> None:
    running, _ = served
    count = {"include_usage": True}

    stream: Any = await litellm.acompletion(messages=SAY, stream=True, stream_options=count, **to(running, model))
    parts = [part async for part in stream]
    whole: Any = litellm.stream_chunk_builder(parts)

    assert whole.choices[0].message.content == "hello"
    assert whole.usage.total_tokens == 9


@BOTH
async def test_tools_are_called_and_answers_keep_their_schema(served: Served, model: str) -> None:
    running, _ = served

    tools: Any = {"tools": TOOLS, "_skip_mcp_handler": True}  # else it needs a package that it does not bring
    called: Any = await litellm.acompletion(messages=SAY, **tools, **to(running, model))
    shaped: Any = await litellm.acompletion(messages=SAY, response_format=City, **to(running, model))

    assert called.choices[0].message.tool_calls[0].function.name == "weather"
    assert City.model_validate_json(shaped.choices[0].message.content) == City(city="Oslo")


@BOTH
async def test_texts_are_embedded(served: Served, model: str) -> None:
    running, _ = served

    answer: Any = await litellm.aembedding(input=["a", "b"], encoding_format="float", **to(running, model))

    assert [item["embedding"] for item in answer.data] == [VECTOR, VECTOR]


@BOTH
@pytest.mark.parametrize(
    ("status", "code", "message", "kind"),
    [
        (400, "context_length_exceeded", "This model's maximum context length is 9 tokens.", "ContextWindowExceeded"),
        (400, "content_policy_violation", "Rejected by our safety system.", "ContentPolicyViolation"),
        (400, None, "No such option.", "BadRequest"),
        (429, "rate_limit_exceeded", "Slow down.", "RateLimit"),
        (500, None, "Broken.", "InternalServer"),
        (503, None, "Away.", "ServiceUnavailable"),
    ],
)
async def test_failure_is_the_exception_that_litellm_has_for_it(
    model: str, status: int, code: str | None, message: str, kind: str
) -> None:
    raised_kind: type[Exception] = getattr(litellm, f"{kind}Error")
    type_ = "invalid_request_error" if status < 500 else "api_error"
    failure = failing(status, type_, code, message, retry_after="60")
    async with provider(failure) as upstream, gateway(snapshot(backend(upstream.url, num_retries=0))) as running:
        with pytest.raises(raised_kind, match=message):
            await litellm.acompletion(messages=SAY, **to(running, model))


@BOTH
async def test_caller_learns_what_it_may_not(served: Served, model: str) -> None:
    running, _ = served

    with pytest.raises(litellm.AuthenticationError):
        await litellm.acompletion(messages=SAY, **(to(running, model) | {"api_key": "lk-wrong"}))
    with pytest.raises(litellm.NotFoundError):
        await litellm.acompletion(messages=SAY, **to(running, model.replace("/m", "/nope")))
