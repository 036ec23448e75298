"""A LiteLLM proxy as a backend, with its headers and the errors as it writes them."""

from typing import Any

import openai
import pytest
from aiohttp import web

from apps.inference.tests.clients_world import SAY
from apps.inference.tests.gateway_world import ADMIN_KEY, CHAT, KEYS, Answerer, backend, gateway, provider
from apps.inference.tests.openai_api import chat_api
from lumina_contracts.snapshot import KeysPart, Policy, Route, RoutesPart, Snapshot, sealed

HEADERS = {
    "x-litellm-call-id": "their-call",
    "x-litellm-model-id": "their-model",
    "x-litellm-model-api-base": "https://their-provider.internal/v1",
    "x-litellm-model-group": "their-group",
    "x-litellm-version": "1.106.2",
    "x-litellm-key-spend": "17.5",
    "x-litellm-response-cost": "0.25",
    "x-ratelimit-remaining-requests": "41",
    "llm_provider-openai-processing-ms": "12",
}
PRICE = 1000


async def proxy(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
    """It answers as OpenAI does, and tells more."""
    answer = await chat_api(request, body)
    if not answer.prepared:
        answer.headers.update(HEADERS)
    return answer


def refusing(status: int, name: str, message: str, **headers: str) -> Answerer:
    """Its errors: the library's class in the message, and the status as the code."""

    async def answer(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        text = f"litellm.{name}: {message}. Received Model Group=their-group\nAvailable Model Group Fallbacks=None"
        error = {"message": text, "type": None, "param": None, "code": str(status)}
        sent = {key.replace("_", "-"): value for key, value in headers.items()}
        return web.json_response({"error": error}, status=status, headers=HEADERS | sent)

    return answer


def routed(url: str, other: str = "") -> Snapshot:
    """Their proxy behind `m`, with another provider for what it refuses for its length, or for its content."""
    priced = backend(url, input_nano_usd_per_token=PRICE, output_nano_usd_per_token=PRICE, num_retries=0)
    long, loose = (backend(other, id=name) for name in ("long", "loose"))
    policy = Policy(context_window_fallbacks=("long",), content_policy_fallbacks=("loose",))
    routes = [Route(name="m", backends=(priced,), kinds=("chat", "embedding"), policy=policy)]
    if other:
        routes += [Route(name=each.id, backends=(each,), kinds=("chat",)) for each in (long, loose)]
    return sealed(RoutesPart(routes=tuple(routes)), KeysPart(keys=KEYS))


async def test_headers_are_ours_and_theirs_stay_with_us() -> None:
    async with provider(proxy) as upstream, gateway(routed(upstream.url)) as running:
        status, answer, headers = await running.post(CHAT, {"model": "m", "messages": SAY})
        _, _, shown = await running.post(CHAT, {"model": "m", "messages": SAY}, api_key=ADMIN_KEY)

    assert (status, answer["choices"][0]["message"]["content"]) == (200, "hello")
    assert (headers["x-litellm-model-group"], headers["x-litellm-model-id"]) == ("m", "b1")
    assert float(headers["x-litellm-response-cost"]) == 10 * PRICE / 1e9
    assert headers["x-litellm-call-id"] == headers["x-request-id"]
    assert headers.getall("x-litellm-model-id") == ["b1"]
    assert headers["x-ratelimit-remaining-requests"] == "41"
    assert {"x-litellm-version", "x-litellm-model-api-base"}.isdisjoint(headers)
    assert headers.get("x-litellm-key-spend") != HEADERS["x-litellm-key-spend"]
    assert shown["x-litellm-model-api-base"] == upstream.url


async def test_stream_is_passed_on() -> None:
    async with provider(proxy) as upstream, gateway(routed(upstream.url)) as running, running.sdk() as sdk:
        stream = await sdk.chat.completions.create(model="m", messages=SAY, stream=True)
        text = "".join([part.choices[0].delta.content or "" async for part in stream])

    assert text == "hello"


@pytest.mark.parametrize(
    ("name", "message", "answered"),
    [
        ("ContextWindowExceededError", "AnthropicException - prompt is too long: 9 tokens > 8 maximum", "long"),
        ("ContextWindowExceededError", "OpenAIException - Input is longer than the model takes", "long"),
        ("ContentPolicyViolationError", "AzureException - Rejected by the safety system", "loose"),
    ],
)
async def test_what_it_refuses_goes_to_the_route_for_that(name: str, message: str, answered: str) -> None:
    refusal = refusing(400, name, message)
    async with (
        provider(refusal) as upstream,
        provider(chat_api) as other,
        gateway(routed(upstream.url, other.url)) as running,
    ):
        status, _, headers = await running.post(CHAT, {"model": "m", "messages": SAY})

    assert (status, headers["x-lumina-backend"]) == (200, answered)
    assert len(upstream.bodies) == 1


@pytest.mark.parametrize(
    ("status", "name", "kind", "told"),
    [
        (400, "BadRequestError", openai.BadRequestError, 400),
        (400, "ContextWindowExceededError", openai.BadRequestError, 400),
        (401, "AuthenticationError", openai.InternalServerError, 502),
        (429, "RateLimitError", openai.RateLimitError, 429),
        (500, "InternalServerError", openai.InternalServerError, 500),
        (503, "ServiceUnavailableError", openai.InternalServerError, 503),
    ],
)
async def test_its_errors_keep_their_class(
    status: int, name: str, kind: type[openai.APIStatusError], told: int
) -> None:
    refusal = refusing(status, name, "no", retry_after="60")
    async with provider(refusal) as upstream, gateway(routed(upstream.url)) as running, running.sdk() as sdk:
        with pytest.raises(kind) as raised:
            await sdk.with_options(max_retries=2).chat.completions.create(model="m", messages=SAY)

    assert raised.value.status_code == told
    assert len(upstream.bodies) == 1
