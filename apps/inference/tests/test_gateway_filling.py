"""Call parameters of the configuration in what a backend gets."""

from typing import Any

import pytest

from apps.inference.tests.gateway_world import CHAT, backend, gateway, plain_chat, provider, snapshot
from lumina_contracts.snapshot import Parameters

MESSAGES = [{"role": "user", "content": "hi"}]
PARAMETERS = Parameters(
    chat='{"max_tokens":9,"temperature":0.5}',
    embedding='{"dimensions":3}',
    extra_body='{"chat_template_kwargs":{"enable_thinking":false}}',
)
EXTRA = {"chat_template_kwargs": {"enable_thinking": False}}


@pytest.mark.parametrize(
    ("asked", "got"),
    [
        ({}, {"max_tokens": 9, "temperature": 0.5} | EXTRA),
        ({"temperature": 1}, {"max_tokens": 9, "temperature": 1} | EXTRA),
        ({"max_completion_tokens": 5}, {"max_completion_tokens": 5, "temperature": 0.5} | EXTRA),
        ({"chat_template_kwargs": {"enable_thinking": True}}, {"max_tokens": 9, "temperature": 0.5} | EXTRA),
    ],
)
async def test_backend_gets_the_parameters_that_the_caller_does_not_say(
    asked: dict[str, Any], got: dict[str, Any]
) -> None:
    async with (
        provider(plain_chat) as upstream,
        gateway(snapshot(backend(upstream.url, parameters=PARAMETERS))) as running,
    ):
        await running.post(CHAT, {"model": "m", "messages": MESSAGES} | asked)
        await running.post("/v1/embeddings", {"model": "m", "input": "hi"})

    assert upstream.bodies == [
        {"model": "served-model", "messages": MESSAGES} | got,
        {"model": "served-model", "input": "hi", "dimensions": 3} | EXTRA,
    ]
