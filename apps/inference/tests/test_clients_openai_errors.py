"""OpenAI's SDK when something is wrong: its exception classes, how often it asks again, and calls that are given up."""

import asyncio
import json
import tempfile
from io import StringIO
from pathlib import Path
from typing import Any

import openai
import pytest
from aiohttp import web

from apps.inference.tests.clients_world import SAY, in_thread
from apps.inference.tests.gateway_world import (
    KEYS,
    NOW,
    Running,
    backend,
    chunk,
    gateway,
    key,
    plain_chat,
    provider,
)
from apps.inference.tests.openai_api import failing
from lumina_contracts.snapshot import UNLIMITED, KeysPart, Limits, Policy, Route, RoutesPart, Snapshot, sealed
from lumina_inference.gateway.accesslog import AccessLog
from lumina_inference.gateway.limits import LocalStore
from lumina_inference.gateway.limits.windows import window

LIMITED = "lk-limited-0123456789"
PRICE = 1000


def routed(url: str, *, limits: Limits = UNLIMITED, **more: Any) -> Snapshot:
    """One backend behind `m` and `other`, and a key with limits; nothing is retried by the gateway."""
    priced = backend(url, input_nano_usd_per_token=PRICE, output_nano_usd_per_token=PRICE, **more)
    routes = tuple(
        Route(name=name, backends=(priced,), kinds=("chat", "embedding"), policy=Policy(num_retries=0))
        for name in ("m", "other")
    )
    return sealed(RoutesPart(routes=routes), KeysPart(keys=(*KEYS, key(LIMITED, name="k-limited", limits=limits))))


async def refused(running: Running, kind: type[openai.APIStatusError], model: str = "m", secret: str = LIMITED) -> Any:
    """The exception of the async client; the sync one raises the same."""
    async with running.sdk(secret) as sdk:
        with pytest.raises(kind) as raised:
            await sdk.chat.completions.create(model=model, messages=SAY)
    with pytest.raises(kind) as other:
        await in_thread(running, lambda sdk: sdk.chat.completions.create(model=model, messages=SAY), api_key=secret)
    assert (other.value.status_code, other.value.code) == (raised.value.status_code, raised.value.code)
    return raised.value


@pytest.mark.parametrize(
    ("secret", "model", "kind", "code"),
    [
        ("lk-wrong", "m", openai.AuthenticationError, "invalid_api_key"),
        (LIMITED, "other", openai.PermissionDeniedError, "model_not_allowed"),
        (LIMITED, "nope", openai.NotFoundError, "model_not_found"),
    ],
)
async def test_caller_learns_what_it_may_not(
    secret: str, model: str, kind: type[openai.APIStatusError], code: str
) -> None:
    async with gateway(routed("http://127.0.0.1:9/v1", limits=Limits(models=("m", "nope")))) as running:
        error = await refused(running, kind, model, secret)

    assert error.code == code
    assert error.request_id


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, openai.BadRequestError),
        (404, openai.NotFoundError),
        (409, openai.ConflictError),
        (422, openai.UnprocessableEntityError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
        (502, openai.InternalServerError),
        (503, openai.InternalServerError),
        (504, openai.InternalServerError),
    ],
)
async def test_failure_of_a_backend_keeps_its_class_and_is_asked_for_once(
    status: int, kind: type[openai.APIStatusError]
) -> None:
    async with (
        provider(failing(status, code="odd", message="I do not like it.")) as upstream,
        gateway(routed(upstream.url, cooldown_seconds=0.0)) as running,
        running.sdk(LIMITED) as sdk,
    ):
        with pytest.raises(kind) as raised:
            await sdk.with_options(max_retries=2).chat.completions.create(model="m", messages=SAY)

    error = raised.value
    assert (error.status_code, error.code, "I do not like it." in error.message) == (status, "odd", True)
    assert len(upstream.bodies) == 1


async def test_backend_that_is_away_or_silent_is_an_internal_server_error() -> None:
    async def silent(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    async with gateway(routed("http://127.0.0.1:9/v1")) as running:
        away = await refused(running, openai.InternalServerError)
    async with provider(silent) as upstream, gateway(routed(upstream.url, timeout_seconds=0.1)) as running:
        late = await refused(running, openai.InternalServerError)

    assert (away.status_code, away.code) == (502, "backend_unreachable")
    assert (late.status_code, late.code) == (504, "backend_timeout")


async def test_rate_limit_says_when_to_come_again() -> None:
    async with (
        provider(plain_chat) as upstream,
        gateway(routed(upstream.url, limits=Limits(requests_per_minute=1))) as running,
        running.sdk(LIMITED) as sdk,
    ):
        first = await sdk.chat.completions.with_raw_response.create(model="m", messages=SAY)
        error = await refused(running, openai.RateLimitError)

    assert first.headers["x-ratelimit-remaining-requests"] == "0"
    assert (error.code, error.response.headers["retry-after"]) == ("rate_limit_exceeded", "60")
    assert "x-should-retry" not in error.response.headers


async def test_spent_budget_says_when_it_starts_anew_and_is_not_asked_again() -> None:
    log = StringIO()
    async with (
        provider(plain_chat) as upstream,
        gateway(
            routed(upstream.url, limits=Limits(budget_nano_usd=10 * PRICE)), access_log=AccessLog(log, "json")
        ) as running,
        running.sdk(LIMITED) as sdk,
    ):
        await sdk.chat.completions.create(model="m", messages=SAY, max_tokens=3)
        with pytest.raises(openai.RateLimitError, match="starts anew at") as raised:
            await sdk.with_options(max_retries=2).chat.completions.create(model="m", messages=SAY)

    assert (raised.value.type, raised.value.code) == ("insufficient_quota", "budget_exceeded")
    assert len(log.getvalue().splitlines()) == 2


async def test_closed_stream_ends_the_call_and_bills_what_was_counted() -> None:
    left = asyncio.Event()

    async def endless(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        try:
            for _ in range(3):
                await response.write(chunk({"content": "word "}))
            await asyncio.Event().wait()
        finally:
            left.set()
        return response

    with tempfile.TemporaryDirectory(prefix="lg-") as folder:
        async with (
            provider(endless) as upstream,
            gateway(routed(upstream.url), folder=Path(folder)) as running,
            running.sdk(LIMITED) as sdk,
        ):
            stream = await sdk.chat.completions.create(model="m", messages=SAY, stream=True)
            for _ in range(3):
                await anext(stream)
            await stream.close()
            await asyncio.wait_for(left.wait(), 10)
        async with LocalStore(Path(folder) / "gateway") as store:
            sales = await store.sales(window("month", NOW.timestamp()).begins)

    ((sale, used),) = sales.items()
    prompt = len(json.dumps(SAY, separators=(",", ":"))) // 4 + 1
    assert (sale.key_id, used.tokens, used.nano_usd) == ("k-limited", prompt + 3, (prompt + 3) * PRICE)
