"""Backends that want a pause, with Retry-After or without: how long it is, and who waits for it."""

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from apps.inference.tests.faulty_provider import (
    asked,
    faulty,
    gateway_of,
    good,
    late,
    refuses,
    route,
    said,
    until,
)
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
        first = route(primary.backend(), fallbacks=("n",))
        async with gateway_of(first, route(other.backend(), name="n")) as running:
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

    assert read == (None if seconds is None else pytest.approx(seconds, abs=1_800 if seconds > 60 else 1e-9))


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
        limited = route(primary.backend(), fallbacks=("n",), cooldown_seconds=60)
        async with gateway_of(limited, route(other.backend(), name="n")) as running:
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


async def test_pause_that_outlasts_the_request_is_not_waited_for() -> None:
    async with (
        faulty(refuses(429, retry_after="5"), good()) as primary,
        gateway_of(route(primary.backend(), num_retries=0), total_timeout_seconds=3) as running,
    ):
        await asked(running)
        status, answer, headers = await asked(running)

    assert (status, answer["error"]["code"]) == (429, "rate_limit_exceeded")
    assert 1 <= int(headers["Retry-After"]) <= 5
    assert primary.hits == 1
