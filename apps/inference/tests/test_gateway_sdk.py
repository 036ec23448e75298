"""The official OpenAI client against the gateway, with its strict response validation on."""

from typing import Any

import openai
import pytest
from aiohttp import web

from apps.inference.tests.gateway_world import (
    BACKEND_KEY,
    STREAM,
    USAGE,
    backend,
    chat_body,
    gateway,
    plain_chat,
    provider,
    snapshot,
    streaming,
)

HELLO: Any = [{"role": "user", "content": "Say hello"}]


async def test_chat_is_answered_and_the_backend_gets_its_own_model_name_and_key() -> None:
    async with provider(plain_chat) as upstream, gateway(snapshot(backend(upstream.url))) as running:
        answer = await running.sdk().chat.completions.create(model="m", messages=HELLO, seed=7)

    assert answer.choices[0].message.content == "hello"
    assert upstream.bodies == [{"model": "served-model", "messages": HELLO, "seed": 7}]
    assert upstream.paths == ["/v1/chat/completions"]
    assert upstream.headers[0]["Authorization"] == f"Bearer {BACKEND_KEY}"


async def test_stream_hides_the_usage_event_that_only_the_gateway_asked_for() -> None:
    async with provider(streaming(*STREAM)) as upstream, gateway(snapshot(backend(upstream.url))) as running:
        stream = await running.sdk().chat.completions.create(model="m", messages=HELLO, stream=True)
        chunks = [chunk async for chunk in stream]

    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "hello"
    assert all(chunk.choices for chunk in chunks)
    assert upstream.bodies[0]["stream_options"] == {"include_usage": True}


async def test_stream_shows_the_usage_event_to_a_caller_who_asked() -> None:
    async with provider(streaming(*STREAM)) as upstream, gateway(snapshot(backend(upstream.url))) as running:
        stream = await running.sdk().chat.completions.create(
            model="m", messages=HELLO, stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]

    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == USAGE["total_tokens"]


async def test_completions_and_embeddings_are_answered() -> None:
    async def answer(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        if request.path.endswith("embeddings"):
            data = [{"object": "embedding", "index": 0, "embedding": [0.5, 0.25]}]
            usage = {"prompt_tokens": 1, "total_tokens": 1}
            return web.json_response({"object": "list", "data": data, "model": "e", "usage": usage})
        choice = {"index": 0, "text": "hi", "finish_reason": "length", "logprobs": None}
        body = chat_body(object="text_completion", choices=[choice])
        return web.json_response(body)

    async with provider(answer) as upstream, gateway(snapshot(backend(upstream.url))) as running:
        completion = await running.sdk().completions.create(model="m", prompt="Say hi")
        embedding = await running.sdk().embeddings.create(model="alias", input=["a"], encoding_format="float")

    assert completion.choices[0].text == "hi"
    assert embedding.data[0].embedding == [0.5, 0.25]
    assert upstream.paths == ["/v1/completions", "/v1/embeddings"]


async def test_models_are_listed_with_their_aliases_but_not_the_hidden_ones() -> None:
    async with gateway(snapshot(backend("http://127.0.0.1:9/v1"))) as running:
        listed = [model.id async for model in running.sdk().models.list()]
        hidden = await running.sdk().models.retrieve("secret-alias")

    assert listed == ["alias", "m"]
    assert hidden.id == "secret-alias"


async def test_unknown_model_is_the_clients_not_found_error() -> None:
    async with gateway(snapshot(backend("http://127.0.0.1:9/v1"))) as running:
        with pytest.raises(openai.NotFoundError) as refused:
            await running.sdk().chat.completions.create(model="nope", messages=HELLO)

    assert refused.value.code == "model_not_found"


async def test_wrong_key_is_the_clients_authentication_error() -> None:
    async with gateway(snapshot(backend("http://127.0.0.1:9/v1"))) as running:
        with pytest.raises(openai.AuthenticationError) as refused:
            await running.sdk("lk-wrong").chat.completions.create(model="m", messages=HELLO)

    assert refused.value.code == "invalid_api_key"
