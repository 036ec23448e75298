"""What a backend may do wrong before it answers, and whether it, or another one, is asked again."""

import asyncio

import openai
import pytest

from apps.inference.tests.faulty_provider import (
    BODY,
    Act,
    asked,
    at_rest,
    faulty,
    gateway_of,
    good,
    late,
    refuses,
    resets,
    route,
    routes,
    said,
    served_again_by,
    silent,
    standing,
    until,
)
from apps.inference.tests.gateway_world import ADMIN_KEY, USER_KEY, gateway
from apps.inference.tests.spans_world import receiver, values


@pytest.mark.parametrize("fault", [refuses(500), refuses(503), refuses(529), resets()])
@pytest.mark.parametrize("stream", [False, True])
async def test_single_fault_is_retried(fault: Act, stream: bool) -> None:
    async with faulty(fault, good()) as primary, gateway_of(route(primary.backend())) as running:
        status, _, _ = await asked(running, stream=stream)
        await at_rest(running)

    assert status == 200
    assert primary.hits == 2


async def test_persistent_503_fails_over_at_once_and_inside_the_budget() -> None:
    async with (
        faulty(refuses(503)) as primary,
        faulty(name="other") as other,
        gateway_of(route(primary.backend(), other.backend(order=2), num_retries=2)) as running,
    ):
        status, answer, headers = await asked(running)

    assert (status, said(answer)) == (200, "other")
    assert headers["x-lumina-backend"] == headers["x-litellm-model-id"] == "other"
    assert primary.hits == 1


@pytest.mark.parametrize("retries", [0, 2])
async def test_no_more_is_tried_than_the_budget_allows(retries: int) -> None:
    async with (
        faulty(refuses(500)) as one,
        faulty(refuses(500), name="two") as two,
        gateway_of(route(one.backend(), two.backend(), num_retries=retries, allowed_fails=100)) as running,
    ):
        status, _, headers = await asked(running)

    assert (status, headers["x-should-retry"]) == (500, "false")
    assert one.hits + two.hits == 1 + retries


@pytest.mark.parametrize("stream", [False, True])
async def test_silence_fails_over_once_the_probe_fails_too(stream: bool) -> None:
    async with (
        faulty(mute=True) as primary,
        faulty(name="other") as other,
        gateway_of(route(primary.backend(), other.backend(order=2))) as running,
    ):
        status, _, headers = await asked(running, stream=stream)
        await primary.until(lambda seen: seen.given_up == 1)

    assert (status, headers["x-lumina-backend"]) == (200, "other")
    assert set(primary.probes) == {("GET", "/v1/models")}


@pytest.mark.parametrize("stream", [False, True])
async def test_slow_first_token_is_still_answered(stream: bool) -> None:
    go = asyncio.Event()
    async with (
        faulty(late(go, good())) as primary,
        faulty(name="other") as other,
        gateway_of(route(primary.backend(), other.backend(order=2))) as running,
    ):
        asking = asyncio.create_task(asked(running, stream=stream))
        await primary.until(lambda seen: len(seen.probes) >= 4)
        go.set()
        status, _, headers = await asking

    assert (status, headers["x-lumina-backend"]) == (200, "primary")
    assert primary.hits == 1
    assert other.hits == 0


async def test_own_limit_of_a_request_moves_it_even_if_the_probe_succeeds() -> None:
    async with faulty(silent()) as primary, faulty(name="other") as other:
        only = route(primary.backend(timeout_seconds=0.3), other.backend(order=2))
        async with gateway_of(only) as running:
            status, answer, _ = await asked(running)

    assert (status, said(answer)) == (200, "other")


async def test_time_limit_that_a_caller_chose_speaks_against_no_backend() -> None:
    async with faulty(silent()) as primary, gateway_of(route(primary.backend(), num_retries=0)) as running:
        hasty = [await asked(running, timeout=0.05) for _ in range(5)]
        state = standing(running).breaker.reason
        primary.script[:] = [good()]
        status, _, _ = await asked(running)

    assert {status for status, _, _ in hasty} == {504}
    assert state is None
    assert status == 200


async def test_sdk_sends_one_request_when_the_gateways_own_retries_are_spent() -> None:
    async with (
        faulty(refuses(500)) as primary,
        gateway_of(route(primary.backend(), num_retries=1)) as running,
        openai.AsyncOpenAI(base_url=f"{running.url}/v1", api_key=USER_KEY, max_retries=2) as client,
    ):
        with pytest.raises(openai.InternalServerError) as raised:
            await client.chat.completions.create(**BODY)

    assert raised.value.response.headers["x-should-retry"] == "false"
    assert primary.hits == 2


async def test_own_retries_of_a_route_with_one_backend_end_in_the_backends_own_error() -> None:
    async with (
        faulty(refuses(503, "busy", "come back later")) as primary,
        gateway_of(route(primary.backend(), num_retries=1)) as running,
    ):
        status, answer, headers = await asked(running)

    assert (status, answer["error"]["message"], answer["error"]["code"]) == (503, "come back later", "busy")
    assert headers["x-litellm-attempted-retries"] == headers["x-litellm-max-retries"] == "1"


async def test_twenty_requests_are_answered_while_the_primary_is_down_and_it_gets_its_traffic_back() -> None:
    """A minute and the circuit's five seconds, sixty times as fast."""
    async with (
        faulty(refuses(503)) as primary,
        faulty(name="other") as other,
        gateway_of(route(primary.backend(), other.backend(order=2), cooldown_seconds=5 / 60)) as running,
    ):
        answers = []
        for _ in range(20):
            answers.append(await asked(running))
            await asyncio.sleep(0.05)
        tried = primary.hits
        primary.script[:] = [good()]
        await served_again_by(running, "primary")
        back = [said((await asked(running))[1]) for _ in range(5)]

    assert [status for status, _, _ in answers] == [200] * 20
    assert 3 <= tried <= 6
    assert back == ["primary"] * 5


async def test_twenty_requests_are_answered_by_a_fallback_too_while_the_primary_is_down() -> None:
    async with faulty(refuses(503)) as primary, faulty(name="other") as other:
        first = route(primary.backend(), fallbacks=("n",), cooldown_seconds=5 / 60)
        async with gateway_of(first, route(other.backend(), name="n")) as running:
            answers = []
            for _ in range(20):
                answers.append(await asked(running))
                await asyncio.sleep(0.05)
            tried = primary.hits

    assert [said(answer) for _, answer, _ in answers] == ["other"] * 20
    assert tried <= 6


async def test_backend_that_says_a_retry_is_in_vain_gets_none_but_another_one_does() -> None:
    act = refuses(500, x_should_retry="false")
    async with faulty(act) as primary, faulty(act, name="twin") as twin:
        both = route(primary.backend(), twin.backend(order=2), num_retries=5)
        async with gateway_of(both) as running:
            status, _, _ = await asked(running)

    assert status == 500
    assert (primary.hits, twin.hits) == (1, 1)


async def test_no_backend_makes_the_sdk_multiply_retries() -> None:
    act = refuses(400, message="try again", x_should_retry="true")
    async with faulty(act) as primary, gateway_of(route(primary.backend())) as running:
        _, _, headers = await asked(running)

    assert headers.getall("x-should-retry") == ["false"]


async def test_no_fallback_is_asked_or_blamed_when_the_time_of_the_request_is_over() -> None:
    async with faulty(silent()) as primary, faulty(name="other") as other:
        first = route(primary.backend(probe="none"), fallbacks=("n",), allowed_fails=0)
        last = route(other.backend(), name="n", allowed_fails=0)
        async with gateway_of(first, last, total_timeout_seconds=0.3) as running:
            status, _, headers = await asked(running)
            reason = standing(running, "other").breaker.reason

    assert (status, headers["x-litellm-attempted-fallbacks"]) == (504, "0")
    assert (other.hits, reason) == (0, None)


async def test_caller_that_leaves_between_two_attempts_is_billed_for_neither() -> None:
    async with receiver() as otlp, faulty(refuses(429, retry_after="8")) as primary:
        environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": otlp.url}
        async with gateway(routes(route(primary.backend())), environ=environ, span_flush_seconds=0.01) as running:
            asking = asyncio.create_task(asked(running))
            await until(lambda: standing(running).breaker.reason is not None)
            asking.cancel()
            attributes = values((await otlp.span()).attributes)

    assert attributes["error.type"] == "client_closed"
    assert not [name for name in attributes if "usage" in name]


async def test_address_of_a_backend_that_is_no_ascii_can_be_shown() -> None:
    async with faulty() as primary:
        named = primary.backend().__class__(id="b", provider="openai", model="m", url=f"{primary.url}?name=bücher")
        async with gateway_of(route(named)) as running:
            status, _, headers = await running.post("/v1/chat/completions", BODY, api_key=ADMIN_KEY)

    assert status == 200
    assert headers["x-litellm-model-api-base"].endswith("b%C3%BCcher")
