"""Limits as callers of the gateway meet them."""

import asyncio
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import openai
import pytest
from aiohttp import web

from apps.inference.tests.gateway_world import (
    ADMIN_KEY,
    CHAT,
    NOW,
    STREAM,
    USER_KEY,
    Provider,
    Running,
    backend,
    chat_body,
    gateway,
    key,
    plain_chat,
    provider,
    snapshot,
    streaming,
)
from lumina_contracts.snapshot import Limits, Route, RoutesPart, Snapshot, Terms, sealed
from lumina_inference.gateway.accesslog import AccessLog
from lumina_inference.gateway.limits import LocalStore
from lumina_inference.gateway.limits.windows import window

BODY: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 3}
PRICE = 1000
COST = 9 * PRICE  # of the stream: seven tokens in, two out
STREAMS = 200


def limited(upstream: Provider, limits: Limits, secret: str = USER_KEY) -> Snapshot:
    priced = backend(upstream.url, input_nano_usd_per_token=PRICE, output_nano_usd_per_token=PRICE)
    admin = key(ADMIN_KEY, name="k-admin", role="admin")
    return snapshot(priced, keys=(admin, key(secret, limits=limits)))


@asynccontextmanager
async def two_gateways(first: Snapshot, folder: Path) -> AsyncIterator[tuple[Running, Running]]:
    """Two gateways on one home, that hear of one control plane."""
    async with (
        gateway(first, folder=folder) as one,
        gateway(first, folder=folder, control_up=False, instance="gateway-2") as other,
    ):
        await other.gateway.snapshots.wait_until(other.gateway.health.can_serve)
        yield one, other


async def reported(folder: Path) -> int:
    """What the key k1 has spent, as the store has it."""
    span = window("month", NOW.timestamp())
    async with LocalStore(folder / "gateway") as store:
        return sum(total.nano_usd for sale, total in (await store.sales(span.begins)).items() if sale.key_id == "k1")


async def test_a_budget_holds_under_two_hundred_streams_in_two_gateways() -> None:
    budget = 50 * COST
    with tempfile.TemporaryDirectory(prefix="lg-") as name:
        async with (
            provider(streaming(*STREAM)) as upstream,
            two_gateways(limited(upstream, Limits(budget_nano_usd=budget)), Path(name)) as both,
        ):
            asked = (both[turn % 2].post(CHAT, BODY | {"stream": True}) for turn in range(STREAMS))
            answers = await asyncio.gather(*asked)
        spent = await reported(Path(name))

    statuses = Counter(status for status, _, _ in answers)
    assert spent == statuses[200] * COST == len(upstream.bodies) * COST
    assert statuses[200] + statuses[429] == STREAMS
    assert spent < budget + 2 * 12 * PRICE  # at most nine tokens in and three out, as far as the gateway can guess
    assert {text["error"]["code"] for status, text, _ in answers if status == 429} <= {
        "budget_exceeded",
        "budget_reserved",
    }


async def test_a_spent_budget_is_an_error_that_the_sdk_does_not_retry() -> None:
    log = StringIO()
    limits = Limits(budget_nano_usd=COST, budget_period="day")
    async with (
        provider(plain_chat) as upstream,
        gateway(limited(upstream, limits), access_log=AccessLog(log, "json")) as running,
        running.sdk() as client,
    ):
        first = await client.chat.completions.with_raw_response.create(**BODY)
        with pytest.raises(openai.RateLimitError) as refused:
            await client.with_options(max_retries=2).chat.completions.create(**BODY)

    assert first.status_code == 200
    assert len(log.getvalue().splitlines()) == 2
    assert (refused.value.type, refused.value.code) == ("insufficient_quota", "budget_exceeded")
    assert "starts anew at 2026-11-21T00:00:00Z" in refused.value.message
    assert refused.value.response.headers["x-should-retry"] == "false"
    assert refused.value.response.headers["retry-after"] == str(12 * 3600)


async def test_rates_are_told_with_each_answer_and_hold() -> None:
    limits = Limits(requests_per_minute=2, tokens_per_minute=1000)
    async with provider(plain_chat) as upstream, gateway(limited(upstream, limits)) as running:
        answers = [await running.post(CHAT, BODY) for _ in range(3)]

    assert [status for status, _, _ in answers] == [200, 200, 429]
    assert [headers["x-ratelimit-remaining-requests"] for _, _, headers in answers] == ["1", "0", "0"]
    assert [headers["x-ratelimit-limit-tokens"] for _, _, headers in answers] == ["1000"] * 3
    assert answers[2][2]["retry-after"] == "60"
    assert answers[2][1]["error"]["code"] == "rate_limit_exceeded"


async def test_a_backend_that_fails_bills_nothing() -> None:
    with tempfile.TemporaryDirectory(prefix="lg-") as name:
        async with (
            provider(plain_chat) as upstream,
            gateway(limited(upstream, Limits(budget_nano_usd=100 * COST)), folder=Path(name)) as running,
        ):
            await running.post(CHAT, BODY)
            await running.control.put(limited(Provider("http://127.0.0.1:9/v1"), Limits(budget_nano_usd=100 * COST)))
            await running.gateway.snapshots.wait_until(lambda: _first_url(running).endswith(":9/v1"))
            status, _, _ = await running.post(CHAT, BODY)
        spent = await reported(Path(name))

    assert status >= 500
    assert spent == 10 * PRICE


async def test_a_model_that_a_wildcard_takes_counts_with_its_own_price() -> None:
    def priced(upstream: Provider) -> Snapshot:
        wild = backend(upstream.url, model="*", price_list="openai/*")
        routes = (Route(name="any/*", backends=(wild,), kinds=("chat",)),)
        lists = {"openai/*": {"m": Terms(PRICE, PRICE)}}
        keys = limited(upstream, Limits(budget_nano_usd=10 * PRICE)).keys
        return sealed(RoutesPart(routes=routes, price_lists=lists), keys)

    with tempfile.TemporaryDirectory(prefix="lg-") as name:
        async with provider(plain_chat) as upstream, gateway(priced(upstream), folder=Path(name)) as running:
            answers = [await running.post(CHAT, BODY | {"model": "any/m"}) for _ in range(2)]
        spent = await reported(Path(name))

    assert [status for status, _, _ in answers] == [200, 429]
    assert spent == 10 * PRICE


@pytest.mark.parametrize("claimed", [-5, 10**400], ids=["negative", "endless"])
async def test_absurd_usage_breaks_no_answer_and_is_counted_by_the_gateway_instead(claimed: int) -> None:
    log = StringIO()
    details = {"cached_tokens": claimed}
    usage = {"prompt_tokens": claimed, "completion_tokens": claimed, "prompt_tokens_details": details}

    async def answer(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        return web.json_response(chat_body(usage=usage))

    with tempfile.TemporaryDirectory(prefix="lg-") as name:
        async with (
            provider(answer) as upstream,
            gateway(limited(upstream, Limits()), folder=Path(name), access_log=AccessLog(log, "json")) as running,
        ):
            status, told, _ = await running.post(CHAT, BODY)
            _, state, _ = await running.get("/lumina/state", api_key=ADMIN_KEY)
        spent = await reported(Path(name))

    assert (status, told["usage"], len(log.getvalue().splitlines())) == (200, usage, 1)
    assert state["routes"][0]["backends"][0]["spend_nano_usd"] == spent
    assert 0 < spent < 1_000 * PRICE


def _first_url(running: Running) -> str:
    current = running.gateway.snapshots.current
    return current.snapshot.routes.routes[0].backends[0].url if current else ""
