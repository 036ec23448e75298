"""What a backend may do wrong before it answers, and what the gateway makes of it."""

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

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
    said,
    served_again_by,
    silent,
    standing,
    until,
)
from apps.inference.tests.gateway_world import USER_KEY
from lumina_inference.gateway.failures import retry_after

LIMITED = refuses(429, "rate_limit_exceeded")


async def test_retry_after_is_honoured_once() -> None:
    async with (
        faulty(refuses(429, retry_after="1"), good()) as primary,
        gateway_of(route(primary.backend())) as running,
    ):
        status, answer, headers = await asked(running)

    first, second = primary.at
    assert (status, said(answer)) == (200, "primary")
    assert 1 <= second - first < 5
    assert headers["x-litellm-attempted-retries"] == "1"


async def test_second_retry_after_is_left_to_the_fallback() -> None:
    async with faulty(refuses(429, retry_after_ms="100")) as primary, faulty(name="other") as other:
        routes = (route(primary.backend(), fallbacks=("n",)), route(other.backend(), name="n"))
        async with gateway_of(*routes) as running:
            status, answer, _ = await asked(running)

    assert (status, said(answer)) == (200, "other")
    assert primary.hits == 2


async def test_second_retry_after_is_told_to_the_caller_who_need_not_try_again() -> None:
    act = refuses(429, "rate_limit_exceeded", "slow down", retry_after="1", retry_after_ms="100")
    async with faulty(act) as primary, gateway_of(route(primary.backend(), num_retries=5)) as running:
        status, answer, headers = await asked(running)

    assert status == 429
    assert answer["error"]["message"] == "slow down"
    assert (headers["Retry-After"], headers["x-should-retry"]) == ("1", "false")
    assert primary.hits == 2


async def test_retry_after_that_is_too_long_is_not_waited_for() -> None:
    async with faulty(refuses(429, retry_after="3600")) as primary, gateway_of(route(primary.backend())) as running:
        status, _, headers = await asked(running)

    assert (status, headers["Retry-After"], headers["x-should-retry"]) == (429, "3600", "false")
    assert primary.hits == 1


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "7", "retry-after-ms": "1500"}, 1.5),
        ({"retry-after": format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)}, 3600.0),
        ({"retry-after": format_datetime(datetime(2020, 1, 1, tzinfo=UTC), usegmt=True)}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({}, None),
    ],
)
def test_pause_is_read_as_a_number_or_a_date(headers: dict[str, str], seconds: float | None) -> None:
    read = retry_after(headers)

    assert read == (None if seconds is None else pytest.approx(seconds, abs=60 if seconds > 60 else 1e-9))


async def test_another_backend_answers_at_once_while_one_rests() -> None:
    async with (
        faulty(refuses(429, retry_after="3600")) as primary,
        faulty(name="other") as other,
        gateway_of(route(primary.backend(), other.backend(order=2))) as running,
    ):
        answers = [said((await asked(running))[1]) for _ in range(5)]

    assert answers == ["other"] * 5
    assert primary.hits == 1


async def test_persistent_429_is_backed_off_and_failed_over() -> None:
    async with faulty(LIMITED) as primary, faulty(name="other") as other:
        routes = (route(primary.backend(), fallbacks=("n",), cooldown_seconds=60), route(other.backend(), name="n"))
        async with gateway_of(*routes) as running:
            answers = [said((await asked(running))[1]) for _ in range(10)]

    first, second, third = primary.at
    assert answers == ["other"] * 10
    assert second - first >= 0.2
    assert third - second >= 0.4


async def test_pauses_of_two_requests_differ_by_jitter() -> None:
    draws = iter([0.99, 0.0] * 50)
    async with faulty(LIMITED) as primary:
        only = route(primary.backend(), num_retries=1)
        async with gateway_of(only, draw=lambda: next(draws)) as running:
            await asyncio.gather(asked(running), asked(running))

    first, second = primary.at[2] - primary.at[0], primary.at[3] - primary.at[1]
    assert abs(first - second) > 0.05


async def test_crowd_does_not_hammer_a_backend_that_wants_a_pause() -> None:
    go = asyncio.Event()
    async with (
        faulty(refuses(429, retry_after_ms="300"), late(go, good()), good()) as primary,
        gateway_of(route(primary.backend(), num_retries=0)) as running,
    ):
        await asked(running)
        crowd = [asyncio.create_task(asked(running)) for _ in range(20)]
        await primary.until(lambda seen: seen.hits == 2)
        done, _ = await asyncio.wait(crowd, timeout=0.5)
        hits = primary.hits
        go.set()
        statuses = [status for status, _, _ in await asyncio.gather(*crowd)]

    assert done == set()
    assert hits == 2
    assert statuses == [200] * 20


async def test_crowd_goes_to_the_fallback_while_one_of_it_tries_the_backend_after_its_pause() -> None:
    go = asyncio.Event()
    pauses = [refuses(429, retry_after_ms="200")] * 5
    async with faulty(*pauses, late(go, good())) as primary, faulty(name="other") as other:
        first = route(primary.backend(), fallbacks=("n",))
        async with gateway_of(first, route(other.backend(), name="n")) as running:
            crowd = [asyncio.create_task(asked(running)) for _ in range(5)]
            await until(lambda: sum(task.done() for task in crowd) == 4)
            go.set()
            answers = sorted(said(answer) for _, answer, _ in await asyncio.gather(*crowd))

    assert answers == ["other"] * 4 + ["primary"]
    assert primary.hits == 6


async def test_earlier_request_that_still_succeeds_does_not_end_a_pause_that_was_asked_for() -> None:
    go = asyncio.Event()
    async with (
        faulty(late(go, good()), refuses(429, retry_after="3600"), good()) as primary,
        gateway_of(route(primary.backend(), num_retries=0)) as running,
    ):
        earlier = asyncio.create_task(asked(running))
        await primary.until(lambda seen: seen.hits == 1)
        await asked(running)
        go.set()
        status, _, _ = await earlier
        after, _, _ = await asked(running)

    assert (status, after) == (200, 429)
    assert primary.hits == 2


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


async def test_primary_that_was_dead_gets_its_traffic_back_by_probes_alone() -> None:
    async with (
        faulty() as primary,
        faulty(name="other") as other,
        gateway_of(route(primary.backend(probe_seconds=0.1), other.backend(order=2))) as running,
    ):
        await until(lambda: standing(running).probe_works)
        await primary.die()
        answers = [said((await asked(running))[1]) for _ in range(20)]
        await until(lambda: standing(running).breaker.dead)
        await primary.revive()
        await until(lambda: standing(running).breaker.state(standing(running).probed_at) != "open")
        back = [said((await asked(running))[1]) for _ in range(3)]

    assert answers == ["other"] * 20
    assert back == ["primary"] * 3
