"""Which backend gets a request: strategies, weights, order, tags, sizes and limits, through a real gateway."""

import asyncio
from collections import Counter
from itertools import cycle
from typing import Any

import pytest

from apps.inference.tests.faulty_provider import (
    KINDS,
    asked,
    at_rest,
    faulty,
    gateway_of,
    good,
    late,
    refuses,
    route,
    said,
    silent,
    standing,
    streams,
    until,
)
from apps.inference.tests.gateway_world import Running
from lumina_contracts.snapshot import Alias, Policy, Route, Strategy

HELD: dict[str, Any] = {"silence_seconds": 30}
LONG = [{"role": "user", "content": "word " * 1000}]


async def chosen(running: Running, **body: Any) -> str:
    status, _, headers = await asked(running, **body)
    assert status == 200
    return str(headers["x-lumina-backend"])


async def test_shuffle_follows_the_weights() -> None:
    draws = cycle(number / 20 for number in range(20))
    async with faulty(name="light") as light, faulty(name="heavy") as heavy:
        only = route(light.backend(weight=1.0), heavy.backend(weight=3.0))
        async with gateway_of(only, draw=lambda: next(draws)) as running:
            counts = Counter([await chosen(running) for _ in range(20)])

    assert counts == {"light": 5, "heavy": 15}


async def test_shuffle_gives_nothing_to_a_weight_of_zero_while_another_is_there() -> None:
    draws = cycle(number / 10 for number in range(10))
    async with faulty(name="none") as none, faulty(refuses(500), name="all") as all_of_it:
        only = route(none.backend(weight=0.0), all_of_it.backend(weight=1.0))
        async with gateway_of(only, draw=lambda: next(draws)) as running:
            all_of_it.script[:] = [good()]
            fine = {await chosen(running) for _ in range(10)}
            all_of_it.script[:] = [refuses(500)]
            failing = await chosen(running)

    assert fine == {"all"}
    assert failing == "none"


async def test_least_busy_goes_where_the_fewest_requests_are_under_way() -> None:
    go = asyncio.Event()
    async with faulty(late(go, good()), good(), name="one") as one, faulty(late(go, good()), good(), name="two") as two:
        only = route(one.backend(), two.backend(), strategy="least-busy")
        async with gateway_of(only, **HELD) as running:
            first = asyncio.create_task(asked(running))
            await until(lambda: one.hits + two.hits == 1)
            second = asyncio.create_task(asked(running))
            await until(lambda: one.hits + two.hits == 2)
            both = (one.hits, two.hits)
            go.set()
            await asyncio.gather(first, second)

    assert both == (1, 1)


@pytest.mark.parametrize("stream", [False, True])
async def test_latency_based_measures_all_and_then_takes_the_fastest(stream: bool) -> None:
    async def slow(self: Any, request: Any, body: Any) -> Any:
        await asyncio.sleep(0.2)
        return await good()(self, request, body)

    async with faulty(slow, name="slow") as slower, faulty(name="fast") as faster:
        only = route(slower.backend(), faster.backend(), strategy="latency-based")
        async with gateway_of(only) as running:
            names = []
            for _ in range(6):
                names.append(await chosen(running, stream=stream))
                await at_rest(running)

    assert set(names[:2]) == {"slow", "fast"}
    assert names[2:] == ["fast"] * 4


async def test_latency_of_a_stream_is_the_time_to_its_first_token() -> None:
    """Slow to end, and yet the first to speak."""

    async def slow(self: Any, request: Any, body: Any) -> Any:
        await asyncio.sleep(0.15)
        return await good()(self, request, body)

    async with faulty(streams(*"abcdefgh", tick=0.05), name="eager") as eager, faulty(slow, name="late") as slower:
        only = route(eager.backend(), slower.backend(), strategy="latency-based")
        async with gateway_of(only) as running:
            names = []
            for _ in range(4):
                names.append(await chosen(running, stream=True))
                await at_rest(running)

    assert names[2:] == ["eager"] * 2


async def test_usage_based_takes_the_one_with_the_fewest_tokens_this_minute() -> None:
    many = {"prompt_tokens": 900, "completion_tokens": 100, "total_tokens": 1000}
    few = {"prompt_tokens": 90, "completion_tokens": 10, "total_tokens": 100}
    async with faulty(good(usage=many), name="many") as dear, faulty(good(usage=few), name="few") as cheap:
        only = route(cheap.backend(), dear.backend(), strategy="usage-based")
        async with gateway_of(only) as running:
            names = [await chosen(running) for _ in range(8)]
            counted = [standing(running, name).tokens for name in ("many", "few")]

    assert Counter(names) == {"many": 1, "few": 7}
    assert counted == [1000, 700]


async def test_cost_based_takes_the_cheapest_and_the_next_when_that_fails() -> None:
    cheap = {"input_nano_usd_per_token": 1.0, "output_nano_usd_per_token": 2.0}
    dear = {"input_nano_usd_per_token": 5.0, "output_nano_usd_per_token": 9.0}
    async with faulty(good(), refuses(500), name="cheap") as first, faulty(name="dear") as second:
        only = route(second.backend(**dear), first.backend(**cheap), strategy="cost-based")
        async with gateway_of(only) as running:
            names = [await chosen(running), await chosen(running)]

    assert names == ["cheap", "dear"]


@pytest.mark.parametrize("strategy", ["simple-shuffle", "least-busy", "latency-based", "usage-based", "cost-based"])
async def test_order_goes_before_every_strategy(strategy: Strategy) -> None:
    async with faulty(name="first") as first, faulty(name="second") as second:
        only = route(second.backend(order=2, weight=100.0), first.backend(order=1, weight=0.1), strategy=strategy)
        async with gateway_of(only) as running:
            names = {await chosen(running) for _ in range(4)}
            first.script[:] = [refuses(500)]
            failing = await chosen(running)

    assert names == {"first"}
    assert failing == "second"


async def test_backends_limits_a_minute_send_requests_elsewhere() -> None:
    used = {"prompt_tokens": 40, "completion_tokens": 10, "total_tokens": 50}
    async with faulty(name="few") as few, faulty(good(usage=used), name="small") as small, faulty(name="rest") as rest:
        only = route(
            few.backend(order=1, requests_per_minute=2),
            small.backend(order=2, tokens_per_minute=55),
            rest.backend(order=3),
        )
        async with gateway_of(only) as running:
            names = [await chosen(running) for _ in range(5)]

    assert names == ["few", "few", "small", "rest", "rest"]


async def test_parallel_requests_of_a_backend_are_bounded() -> None:
    go = asyncio.Event()
    async with faulty(late(go, good()), name="one") as one, faulty(name="two") as two:
        only = route(one.backend(max_parallel_requests=2), two.backend(order=2))
        async with gateway_of(only, **HELD) as running:
            held = [asyncio.create_task(asked(running)) for _ in range(2)]
            await one.until(lambda seen: seen.hits == 2)
            meanwhile = [await chosen(running) for _ in range(3)]
            go.set()
            await asyncio.gather(*held)
            after = await chosen(running)

    assert meanwhile == ["two"] * 3
    assert after == "one"


async def test_full_backend_that_is_the_only_one_says_so() -> None:
    go = asyncio.Event()
    async with (
        faulty(late(go, good())) as primary,
        gateway_of(route(primary.backend(max_parallel_requests=1)), **HELD) as running,
    ):
        held = asyncio.create_task(asked(running))
        await primary.until(lambda seen: seen.hits == 1)
        status, answer, headers = await asked(running)
        go.set()
        await held

    assert (status, answer["error"]["code"], headers["Retry-After"]) == (429, "rate_limit_exceeded", "1")


async def test_prompt_that_is_too_long_for_a_backend_is_not_sent_there() -> None:
    async with faulty(name="small") as small, faulty(name="large") as large:
        only = route(small.backend(max_input_tokens=100), large.backend(order=2), checks_context_window=True)
        async with gateway_of(only) as running:
            names = [await chosen(running), await chosen(running, messages=LONG)]

    assert names == ["small", "large"]


async def test_prompt_that_is_too_long_for_all_goes_to_the_route_for_long_ones() -> None:
    async with faulty(name="small") as small, faulty(name="large") as large, faulty(name="other") as other:
        first = route(
            small.backend(max_input_tokens=100),
            checks_context_window=True,
            context_window_fallbacks=("large",),
            fallbacks=("n",),
        )
        async with gateway_of(first, route(large.backend(), name="large"), route(other.backend(), name="n")) as running:
            name = await chosen(running, messages=LONG)

    assert name == "large"
    assert small.hits == 0


async def test_prompt_that_is_too_long_for_all_is_told_to_be_so() -> None:
    async with (
        faulty() as primary,
        gateway_of(route(primary.backend(max_input_tokens=100), checks_context_window=True)) as running,
    ):
        status, answer, headers = await asked(running, messages=LONG)

    assert (status, answer["error"]["code"]) == (400, "context_length_exceeded")
    assert "x-should-retry" not in headers
    assert primary.hits == 0


async def test_tags_choose_among_the_backends_that_have_them() -> None:
    async with faulty(name="eu") as eu, faulty(name="us") as us, faulty(name="any") as anywhere:
        only = route(
            eu.backend(tags=("eu", "paid")),
            us.backend(tags=("us", "paid")),
            anywhere.backend(tags=("default",)),
            filters_tags=True,
        )
        async with gateway_of(only) as running:
            names = [
                await chosen(running, tags=["eu"]),
                await chosen(running, metadata={"tags": ["us"]}),
                await chosen(running, headers={"x-litellm-tags": "eu, other"}),
                await chosen(running),
                await chosen(running, tags=["unknown"]),
            ]

    assert names == ["eu", "us", "eu", "any", "any"]


async def test_every_tag_must_match_where_the_operator_wants_it_so() -> None:
    async with faulty(name="eu") as eu, faulty(name="paid") as paid:
        only = route(
            eu.backend(tags=("eu",)), paid.backend(tags=("eu", "paid")), filters_tags=True, matches_any_tag=False
        )
        async with gateway_of(only, draw=lambda: 0.0) as running:
            name = await chosen(running, tags=["eu", "paid"])
            status, answer, _ = await asked(running, tags=["nowhere"])

    assert name == "paid"
    assert (status, answer["error"]["code"]) == (503, "no_backend_available")


async def test_wildcard_route_sends_the_rest_of_the_name() -> None:
    async with faulty() as primary, gateway_of(route(primary.backend(model="inner/*"), name="outer/*")) as running:
        status, _, _ = await asked(running, model="outer/some-model")

    assert status == 200
    assert primary.bodies[0]["model"] == "inner/some-model"


async def test_caller_who_asks_a_wildcard_for_models_that_do_not_exist_closes_it_for_nobody() -> None:
    missing = refuses(404, "model_not_found")
    async with (
        faulty(*[missing] * 12, good()) as primary,
        gateway_of(route(primary.backend(model="*"), name="*", num_retries=0)) as running,
    ):
        statuses = {(await asked(running, model=f"none-{number}"))[0] for number in range(12)}
        status, _, _ = await asked(running, model="real")

    assert statuses == {404}
    assert status == 200


async def test_alias_is_its_route_with_all_its_backends() -> None:
    async with faulty(refuses(500)) as primary, faulty(name="other") as other:
        only = route(primary.backend(), other.backend(order=2))
        async with gateway_of(only, aliases={"nickname": Alias(target="m")}) as running:
            status, _, headers = await asked(running, model="nickname")

    assert (status, headers["x-litellm-model-group"], headers["x-lumina-backend"]) == (200, "m", "other")


async def test_fallbacks_are_tried_in_order_and_theirs_after_them() -> None:
    async with faulty(refuses(500)) as bad, faulty(name="last") as last:
        chain = (
            route(bad.backend(), num_retries=0, fallbacks=("a", "b")),
            route(bad.backend(), name="a", num_retries=0, fallbacks=("c",), cooldowns=False),
            route(bad.backend(), name="b", num_retries=0, cooldowns=False),
            route(last.backend(), name="c"),
        )
        async with gateway_of(*chain) as running:
            status, answer, headers = await asked(running)

    assert (status, said(answer)) == (200, "last")
    assert headers["x-litellm-attempted-fallbacks"] == "3"
    assert headers["x-litellm-model-group"] == "c"


async def test_fallbacks_that_lead_in_a_circle_end_with_the_first_error() -> None:
    async with faulty(refuses(500, message="first")) as one, faulty(refuses(500, message="second"), name="two") as two:
        circle = (
            route(one.backend(), num_retries=0, fallbacks=("n",)),
            route(two.backend(), name="n", num_retries=0, fallbacks=("m", "n")),
        )
        async with gateway_of(*circle) as running:
            status, answer, _ = await asked(running)

    assert (status, answer["error"]["message"]) == (500, "first")
    assert (one.hits, two.hits) == (1, 1)


async def test_fallbacks_are_bounded() -> None:
    async with faulty(refuses(500)) as bad, faulty(name="last") as last:
        names = [f"n{number}" for number in range(6)]
        chain = [route(bad.backend(), name=name, num_retries=0, cooldowns=False) for name in names]
        first = route(bad.backend(), num_retries=0, cooldowns=False, fallbacks=(*names, "last"), max_fallbacks=3)
        async with gateway_of(first, *chain, route(last.backend(), name="last")) as running:
            status, _, _ = await asked(running)

    assert status == 500
    assert bad.hits == 4
    assert last.hits == 0


async def test_fallback_that_cannot_answer_such_requests_is_passed_over() -> None:
    async with faulty(refuses(500)) as bad, faulty(name="last") as last:
        embedding = Route(name="e", backends=(last.backend(),), kinds=KINDS[2:], policy=Policy())
        async with gateway_of(route(bad.backend(), num_retries=0, fallbacks=("gone", "e")), embedding) as running:
            status, _, _ = await asked(running)

    assert status == 500
    assert last.hits == 0


async def test_time_limit_of_a_backend_goes_before_that_of_its_route() -> None:
    async with faulty(silent()) as primary:
        only = route(primary.backend(timeout_seconds=0.2), timeout_seconds=60.0, num_retries=0)
        async with gateway_of(only, **HELD) as running:
            status, _, headers = await asked(running)

    assert (status, headers["x-litellm-timeout"]) == (504, "0.2")


async def test_failures_that_a_route_allows_do_not_open_the_circuit() -> None:
    async with faulty(*[refuses(500)] * 7, good()) as primary:
        only = route(primary.backend(), num_retries=0, allowed_fails=8)
        async with gateway_of(only) as running:
            statuses = [(await asked(running))[0] for _ in range(8)]
            reason = standing(running).breaker.reason

    assert statuses == [500] * 7 + [200]
    assert reason is None
