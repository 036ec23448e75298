"""Backends that die, in every way there is: out of rotation, and what they left unanswered is answered elsewhere."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from apps.inference.tests.faulty_provider import (
    FaultyProvider,
    asked,
    at_rest,
    black_hole,
    events,
    faulty,
    gateway_of,
    good,
    late,
    pausing,
    refuses,
    route,
    routes,
    said,
    silent,
    standing,
    streams,
    told,
    until,
)
from apps.inference.tests.gateway_world import Running, backend
from lumina_inference.gateway.index import index
from lumina_inference.gateway.standings import Standings

FAILS = (refuses(500),) * 3
Death = Callable[[FaultyProvider], Awaitable[None]]


async def killed(provider: FaultyProvider) -> None:
    await provider.die()


async def resetting(provider: FaultyProvider) -> None:
    await provider.reset_all()


async def muted(provider: FaultyProvider) -> None:
    provider.mute = True


async def half_open(running: Running) -> None:
    """Let the circuit open by `FAILS`, and its pause pass."""
    for _ in FAILS:
        await asked(running)
    await until(lambda: standing(running).breaker.admits(asyncio.get_running_loop().time()))


DEATHS = [killed, resetting, muted]


@pytest.mark.parametrize("death", DEATHS)
async def test_what_a_dead_backend_left_unanswered_is_answered_by_another(death: Death) -> None:
    """Plain requests, streams that have not begun, and a stream that is held back though it has begun."""
    begun = asyncio.Event()

    async def held(self: FaultyProvider, request: Any, body: dict[str, Any]) -> Any:
        begun.set()
        return await streams("half", then=pausing(asyncio.Event()))(self, request, body)

    async with faulty(silent(), silent(), held, silent()) as primary, faulty(name="other") as other:
        plain = route(primary.backend(), other.backend(order=2))
        whole = route(primary.backend(), other.backend(order=2), name="held", hold_seconds=None)
        async with gateway_of(plain, whole) as running:
            waiting = [asyncio.create_task(asked(running)), asyncio.create_task(asked(running, stream=True))]
            await primary.until(lambda seen: seen.hits == 2)
            waiting.append(asyncio.create_task(asked(running, model="held", stream=True)))
            await begun.wait()
            await death(primary)
            (_, answer, _), (_, first, _), (_, second, _) = await asyncio.gather(*waiting)
            await at_rest(running)
            before = primary.hits
            later = said((await asked(running))[1])

    assert (said(answer), told(first), told(second)) == ("other", "other", "other")
    assert later == "other"
    assert primary.hits == before


@pytest.mark.parametrize("death", DEATHS)
async def test_stream_that_has_begun_ends_with_an_error_when_its_backend_dies(death: Death) -> None:
    async with (
        faulty(streams("half", then=pausing(asyncio.Event()))) as primary,
        faulty(name="other") as other,
        gateway_of(route(primary.backend(), other.backend(order=2))) as running,
    ):
        asking = asyncio.create_task(asked(running, stream=True))
        await until(lambda: any(attempt.begun for attempt in standing(running).under_way))
        await death(primary)
        status, text, _ = await asking
        await at_rest(running)

    assert (status, told(text)) == (200, "half")
    assert events(text)[-1]["error"]["code"] in {"backend_failed", "backend_died"}
    assert "[DONE]" not in text
    assert other.hits == 0


@pytest.mark.parametrize("stream", [False, True])
async def test_black_hole_is_left_after_the_time_to_connect_and_then_out_of_rotation(stream: bool) -> None:
    async with faulty(name="other") as other:
        with black_hole() as url:
            hole = other.backend().__class__(id="hole", provider="openai", model="m", url=url)
            async with gateway_of(route(hole, other.backend(order=2))) as running:
                crowd = await asyncio.gather(*(asked(running, stream=stream) for _ in range(10)))
                await until(lambda: standing(running, "hole").breaker.reason is not None)
                later = [await asked(running) for _ in range(3)]

    assert {(status, headers["x-lumina-backend"]) for status, _, headers in crowd} == {(200, "other")}
    assert [headers["x-litellm-attempted-retries"] for _, _, headers in later] == ["0"] * 3


async def test_dead_backend_that_is_the_only_one_is_told_fast_and_with_a_time() -> None:
    async with faulty(mute=True) as primary, gateway_of(route(primary.backend(), cooldown_seconds=30)) as running:
        first, _, _ = await asked(running)
        await at_rest(running)
        hits = primary.hits
        later = await asyncio.gather(*(asked(running) for _ in range(20)))

    assert first == 502
    assert {status for status, _, _ in later} == {503}
    assert all(int(headers["Retry-After"]) >= 1 for _, _, headers in later)
    assert {answer["error"]["code"] for _, answer, _ in later} == {"no_backend_available"}
    assert primary.hits == hits


async def test_circuit_of_a_single_backend_opens_and_closes_again() -> None:
    async with (
        faulty(refuses(500)) as primary,
        gateway_of(route(primary.backend(), num_retries=0, cooldown_seconds=0.5)) as running,
    ):
        statuses = [(await asked(running))[0] for _ in range(6)]
        primary.script[:] = [good()]
        await until(lambda: standing(running).breaker.admits(asyncio.get_running_loop().time()))
        after = [(await asked(running))[0] for _ in range(3)]

    assert statuses == [500] * 3 + [503] * 3
    assert after == [200] * 3
    assert primary.hits == 6


async def test_half_open_circuit_lets_one_request_through_and_the_others_wait_for_how_it_ends() -> None:
    go = asyncio.Event()
    async with (
        faulty(*FAILS, late(go, good())) as primary,
        gateway_of(route(primary.backend(), num_retries=0, cooldown_seconds=0.3)) as running,
    ):
        await half_open(running)
        trial = asyncio.create_task(asked(running))
        await primary.until(lambda seen: seen.hits == 4)
        others = [asyncio.create_task(asked(running)) for _ in range(10)]
        await until(lambda: running.gateway.inference.in_flight == 11)
        hits = primary.hits
        go.set()
        statuses = [status for status, _, _ in await asyncio.gather(trial, *others)]

    assert hits == 4
    assert statuses == [200] * 11


async def test_those_who_waited_for_a_trial_that_failed_are_told() -> None:
    go = asyncio.Event()
    async with (
        faulty(*FAILS, late(go, refuses(503))) as primary,
        gateway_of(route(primary.backend(), num_retries=0, cooldown_seconds=0.3)) as running,
    ):
        await half_open(running)
        trial = asyncio.create_task(asked(running))
        await primary.until(lambda seen: seen.hits == 4)
        others = [asyncio.create_task(asked(running)) for _ in range(10)]
        await until(lambda: running.gateway.inference.in_flight == 11)
        go.set()
        statuses = [status for status, _, _ in await asyncio.gather(trial, *others)]

    assert statuses == [503] * 11
    assert primary.hits == 4


async def test_trial_whose_caller_leaves_makes_room_for_the_next() -> None:
    async with (
        faulty(*FAILS, silent(), good()) as primary,
        gateway_of(route(primary.backend(), num_retries=0, cooldown_seconds=0.3)) as running,
    ):
        await half_open(running)
        trial = asyncio.create_task(asked(running))
        await primary.until(lambda seen: seen.hits == 4)
        trial.cancel()
        await at_rest(running)
        status, _, _ = await asked(running)

    assert status == 200


async def test_trial_has_succeeded_when_its_stream_begins() -> None:
    """A long stream must not keep all others out until it ends."""
    go = asyncio.Event()
    async with (
        faulty(*FAILS, streams("long", then=pausing(go)), good()) as primary,
        gateway_of(route(primary.backend(), num_retries=0, cooldown_seconds=0.3)) as running,
    ):
        await half_open(running)
        trial = asyncio.create_task(asked(running, stream=True))
        await until(lambda: any(attempt.begun for attempt in standing(running).under_way))
        meanwhile, _, _ = await asked(running)
        go.set()
        status, text, _ = await trial

    assert meanwhile == 200
    assert (status, told(text)) == (200, "long")


async def test_trials_that_fail_come_ever_more_seldom() -> None:
    async with (
        faulty(refuses(500)) as primary,
        gateway_of(route(primary.backend(), num_retries=0, cooldown_seconds=0.1)) as running,
        asyncio.timeout(20),
    ):
        while primary.hits < 6:
            await asked(running)
            await asyncio.sleep(0.01)

    first, second, third = (primary.at[place + 1] - primary.at[place] for place in (2, 3, 4))
    assert second > 1.5 * first
    assert third > 3 * first


async def test_request_in_flight_is_moved_though_the_configuration_has_changed_meanwhile() -> None:
    async with (
        faulty(silent()) as primary,
        faulty(name="other") as other,
        gateway_of(route(primary.backend(), other.backend(order=2))) as running,
    ):
        asking = asyncio.create_task(asked(running))
        await primary.until(lambda seen: seen.hits == 1)
        await running.control.put(routes(route(primary.backend(weight=5.0), other.backend(order=2))))
        await until(lambda: standing(running).target.backend.weight == 5.0)
        primary.mute = True
        status, answer, _ = await asking
        await at_rest(running)

    assert (status, said(answer)) == (200, "other")


async def test_wrong_key_of_one_backend_is_nobody_elses_trouble() -> None:
    async with (
        faulty(refuses(401, message="bad key sk-1234")) as primary,
        faulty(name="other") as other,
        gateway_of(route(primary.backend(), other.backend(order=2))) as running,
    ):
        answers = [said((await asked(running))[1]) for _ in range(4)]

    assert answers == ["other"] * 4
    assert primary.hits == 1


def test_backend_that_left_the_configuration_is_not_shown_for_the_requests_that_it_still_serves() -> None:
    before = index(routes(route(backend("http://127.0.0.1:9/v1", id="gone"))))
    standings = Standings(lambda: 0.0)
    standings.follow(before)
    standings.follow(index(routes(route(backend("http://127.0.0.1:9/v1", id="stays")))))

    attempt = standings.of(before.routes["m"].targets[0]).begin(before.routes["m"].targets[0], 0.0)

    assert [standing.target.backend.id for standing in standings] == ["stays"]
    assert attempt.standing in standings.watched()
    assert standings.of(before.routes["m"].targets[0]) is attempt.standing
