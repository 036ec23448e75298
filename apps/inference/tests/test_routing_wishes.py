"""What a caller may ask for with one request, by LiteLLM's names, and what the answer's headers tell of it."""

from typing import Any

import pytest

from apps.inference.tests.faulty_provider import (
    BODY,
    asked,
    at_rest,
    events,
    faulty,
    gateway_of,
    refuses,
    route,
    routes,
    said,
    silent,
    stall,
    streams,
    told,
)
from apps.inference.tests.gateway_world import KEYS, gateway, key
from lumina_contracts.snapshot import KeysPart, Limits, sealed

BOUND_KEY = "lk-bound-0123456789"
HELD: dict[str, Any] = {"silence_seconds": 30}


@pytest.mark.parametrize("wish", [{"headers": {"x-litellm-timeout": "0.2"}}, {"timeout": 0.2}], ids=["header", "field"])
async def test_time_limit_of_a_request_holds(wish: dict[str, Any]) -> None:
    async with (
        faulty(silent()) as primary,
        gateway_of(route(primary.backend(timeout_seconds=60), num_retries=0), **HELD) as running,
    ):
        status, answer, headers = await asked(running, **wish)

    assert (status, answer["error"]["code"], headers["x-litellm-timeout"]) == (504, "backend_timeout", "0.2")
    assert "timeout" not in primary.bodies[0]


@pytest.mark.parametrize(
    "wish", [{"headers": {"x-litellm-stream-timeout": "0.2"}}, {"stream_timeout": 0.2}], ids=["header", "field"]
)
async def test_time_limit_of_a_stream_holds_before_and_between_its_tokens(wish: dict[str, Any]) -> None:
    async with (
        faulty(silent(), streams("half", then=stall)) as primary,
        gateway_of(route(primary.backend(), num_retries=0), **HELD) as running,
    ):
        status, answer, _ = await asked(running, stream=True, **wish)
        begun, text, _ = await asked(running, stream=True, **wish)
        await at_rest(running)

    assert (status, answer["error"]["code"]) == (504, "backend_timeout")
    assert (begun, told(text), events(text)[-1]["error"]["code"]) == (200, "half", "backend_timeout")


@pytest.mark.parametrize(
    "wish",
    [{"headers": {"x-litellm-num-retries": "1"}}, {"num_retries": 1}, {"max_retries": 1}],
    ids=["header", "field", "other name"],
)
async def test_number_of_retries_of_a_request_holds(wish: dict[str, Any]) -> None:
    async with (
        faulty(refuses(500)) as primary,
        gateway_of(route(primary.backend(num_retries=5), allowed_fails=50)) as running,
    ):
        status, _, headers = await asked(running, **wish)

    assert status == 500
    assert headers["x-litellm-attempted-retries"] == headers["x-litellm-max-retries"] == "1"
    assert primary.hits == 2
    assert set(primary.bodies[0]) == set(BODY)


async def test_header_goes_before_a_field() -> None:
    async with faulty(refuses(500)) as primary, gateway_of(route(primary.backend())) as running:
        await asked(running, num_retries=3, headers={"x-litellm-num-retries": "0"})

    assert primary.hits == 1


async def test_fallbacks_of_a_request_go_before_those_of_the_route() -> None:
    async with faulty(refuses(500)) as bad, faulty(name="one") as one, faulty(name="two") as two:
        first = route(bad.backend(), num_retries=0, fallbacks=("one",))
        async with gateway_of(first, route(one.backend(), name="one"), route(two.backend(), name="two")) as running:
            _, answer, _ = await asked(running, fallbacks=["gone", "two"])

    assert said(answer) == "two"
    assert "fallbacks" not in two.bodies[0]


async def test_fallbacks_can_be_switched_off_for_a_request() -> None:
    async with faulty(refuses(500)) as bad, faulty(name="one") as one:
        first = route(bad.backend(), num_retries=0, fallbacks=("one",), cooldowns=False)
        async with gateway_of(first, route(one.backend(), name="one")) as running:
            off, _, _ = await asked(running, disable_fallbacks=True)
            on, _, _ = await asked(running, disable_fallbacks=False)

    assert (off, on) == (500, 200)
    assert bad.bodies[0] == BODY | {"model": "served-model"}


@pytest.mark.parametrize(("wish", "expected"), [({"fallbacks": ["secret"]}, 403), ({}, 500)])
async def test_fallbacks_lead_nowhere_that_the_key_may_not_go(wish: dict[str, Any], expected: int) -> None:
    bound = key(BOUND_KEY, name="k-bound", limits=Limits(models=("m",)))
    async with faulty(refuses(500)) as bad, faulty(name="secret") as secret:
        first = route(bad.backend(), num_retries=0, fallbacks=("secret",))
        given = routes(first, route(secret.backend(), name="secret"))
        async with gateway(sealed(given.routes, KeysPart(keys=(*KEYS, bound)))) as running:
            status, _, _ = await running.post("/v1/chat/completions", BODY | wish, api_key=BOUND_KEY)

    assert status == expected
    assert secret.hits == 0


@pytest.mark.parametrize(
    ("wish", "named"),
    [
        ({"headers": {"x-litellm-timeout": "soon"}}, "timeout"),
        ({"headers": {"x-litellm-timeout": "-1"}}, "timeout"),
        ({"headers": {"x-litellm-timeout": "nan"}}, "timeout"),
        ({"headers": {"x-litellm-stream-timeout": "0"}}, "stream_timeout"),
        ({"headers": {"x-litellm-num-retries": "1000"}}, "num_retries"),
        ({"timeout": "x"}, "timeout"),
        ({"timeout": [1]}, "timeout"),
        ({"num_retries": 1.5}, "num_retries"),
        ({"max_retries": -1}, "max_retries"),
        ({"max_retries": {}}, "max_retries"),
        ({"fallbacks": "m"}, "fallbacks"),
        ({"fallbacks": [{"model": "m"}]}, "fallbacks"),
        ({"fallbacks": ["m"] * 100}, "fallbacks"),
        ({"disable_fallbacks": "yes"}, "disable_fallbacks"),
        ({"tags": "eu"}, "tags"),
        ({"tags": [1]}, "tags"),
    ],
)
async def test_wish_that_makes_no_sense_is_named(wish: dict[str, Any], named: str) -> None:
    async with faulty() as primary, gateway_of(route(primary.backend())) as running:
        status, answer, _ = await asked(running, **wish)

    assert status == 400
    assert answer["error"]["param"] == named
    assert named in answer["error"]["message"]
    assert primary.hits == 0


async def test_answer_tells_what_litellms_clients_look_for() -> None:
    prices = {"input_nano_usd_per_token": 100.0, "output_nano_usd_per_token": 200.0}
    async with faulty(refuses(500)) as bad, faulty(name="good") as good:
        only = route(bad.backend(), good.backend(order=2, **prices))
        async with gateway_of(only) as running:
            _, _, headers = await asked(running, headers={"x-request-id": "my-request"})

    assert headers["x-request-id"] == headers["x-litellm-call-id"] == "my-request"
    assert headers["x-litellm-model-id"] == "good"
    assert headers["x-litellm-model-group"] == "m"
    assert (headers["x-litellm-attempted-retries"], headers["x-litellm-attempted-fallbacks"]) == ("1", "0")
    assert float(headers["x-litellm-response-cost"]) == pytest.approx((7 * 100 + 3 * 200) / 1e9)
    assert float(headers["x-litellm-response-duration-ms"]) > float(headers["x-litellm-overhead-duration-ms"]) >= 0
    assert "x-should-retry" not in headers


async def test_failed_attempt_leaves_no_header_of_its_own_on_the_answer() -> None:
    act = refuses(503, x_ratelimit_remaining_requests="0", retry_after_ms="100", x_request_id="theirs")
    async with (
        faulty(act) as bad,
        faulty(name="good") as good,
        gateway_of(route(bad.backend(), good.backend(order=2))) as running,
    ):
        status, _, headers = await asked(running)

    assert status == 200
    assert not [name for name in headers if name.lower().startswith(("retry-after", "x-ratelimit", "llm_provider"))]
