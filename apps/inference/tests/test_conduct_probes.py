"""Probes that cost nothing: when they are sent, what they ask, and what follows from their answers."""

import asyncio

import pytest

from apps.inference.tests.faulty_provider import (
    asked,
    faulty,
    gateway_of,
    good,
    late,
    refuses,
    route,
    routes,
    said,
    silent,
    standing,
    until,
)
from apps.inference.tests.gateway_world import backend
from lumina_contracts.snapshot import Policy
from lumina_inference.gateway.errors import BackendAnsweredError, ErrorDetail
from lumina_inference.gateway.index import index
from lumina_inference.gateway.standings import Standing


def new_standing() -> Standing:
    return Standing(index(routes(route(backend("http://127.0.0.1:9/v1")))).routes["m"].targets[0])


async def test_backend_whose_probe_works_while_requests_fail_stays_out() -> None:
    """It died and was revived by its probe; that it then refuses every request is a failed trial, not a good sign."""
    async with faulty(name="primary") as primary, faulty(name="other") as other:
        only = route(primary.backend(probe_seconds=0.1), other.backend(order=2), cooldown_seconds=20)
        async with gateway_of(only) as running:
            await until(lambda: standing(running).probe_works)
            primary.probe_status = 500
            await until(lambda: standing(running).breaker.dead)
            primary.probe_status, primary.script[:] = 200, [refuses(500)]
            await until(lambda: not standing(running).breaker.dead)
            answers = [said((await asked(running))[1]) for _ in range(10)]

    assert answers == ["other"] * 10
    assert primary.hits == 1


async def test_periodic_probes_take_a_dead_backend_out_before_a_request_fails() -> None:
    async with (
        faulty() as primary,
        faulty(name="other") as other,
        gateway_of(route(primary.backend(probe_seconds=0.1), other.backend(order=2))) as running,
    ):
        await until(lambda: standing(running).probe_works)
        await primary.die()
        await until(lambda: standing(running).breaker.dead)
        _, answer, headers = await asked(running)

    assert said(answer) == "other"
    assert headers["x-litellm-attempted-retries"] == "0"
    assert primary.hits == 0


@pytest.mark.parametrize(("kind", "path"), [("models", "/v1/models"), ("health", "/health")])
async def test_probe_asks_for_a_sign_of_life_and_never_for_a_completion(kind: str, path: str) -> None:
    async with faulty() as primary, gateway_of(route(primary.backend(probe=kind, probe_seconds=0.1))) as running:
        await primary.until(lambda seen: len(seen.probes) >= 2)
        works = standing(running).probe_works

    assert works
    assert set(primary.probes) == {("GET", path)}
    assert primary.hits == 0


async def test_probe_goes_where_it_is_told_to() -> None:
    async with faulty() as primary, faulty(name="other") as elsewhere:
        address = elsewhere.url.replace("/v1", "/alive")
        async with gateway_of(route(primary.backend(probe_url=address, probe_seconds=0.1))):
            await elsewhere.until(lambda seen: bool(seen.probes))

    assert set(elsewhere.probes) == {("GET", "/alive")}
    assert primary.probes == []


async def test_tcp_probe_only_connects() -> None:
    async with faulty() as primary, gateway_of(route(primary.backend(probe="tcp", probe_seconds=0.1))) as running:
        await until(lambda: standing(running).probe_works)
        await primary.die()
        await until(lambda: standing(running).breaker.dead)

    assert primary.probes == []
    assert primary.hits == 0


async def test_backend_is_not_probed_without_doubt_or_if_it_must_not_be() -> None:
    async with faulty() as primary, faulty(silent(), good(), name="other") as other:
        quiet = route(other.backend(probe="none", timeout_seconds=0.6), name="n")
        async with gateway_of(route(primary.backend()), quiet) as running:
            for _ in range(3):
                await asked(running)
            status, _, _ = await asked(running, model="n", num_retries=0)

    assert status == 504
    assert primary.probes == []
    assert other.probes == []


@pytest.mark.parametrize("status", [401, 404, 405])
async def test_any_answer_to_a_probe_is_a_sign_of_life(status: int) -> None:
    go = asyncio.Event()
    async with (
        faulty(late(go, good()), probe_status=status) as primary,
        gateway_of(route(primary.backend())) as running,
    ):
        asking = asyncio.create_task(asked(running))
        await primary.until(lambda seen: len(seen.probes) >= 3)
        go.set()
        answer = await asking

    assert answer[0] == 200


def test_backend_that_answers_with_errors_is_dead_only_after_two_failed_probes() -> None:
    standing = new_standing()
    waiting = standing.begin(standing.target, 0.0)
    failing = standing.begin(standing.target, 0.0)
    error = BackendAnsweredError(500, ErrorDetail(message="no", type="api_error"), {})
    standing.failed(error, Policy(), 1.0)
    standing.end(failing)

    standing.probed(alive=False, now=2.0, silent_since=1.0)
    once = standing.breaker.state(2.0)
    standing.probed(alive=False, now=4.0, silent_since=2.0)

    assert once == "closed"
    assert standing.breaker.state(4.0) == "open"
    assert waiting in standing.under_way


def test_probe_that_has_never_worked_does_not_keep_a_good_backend_out() -> None:
    """It may be at fault itself: it opens the circuit once, and then a request on trial decides."""
    standing = new_standing()
    for now in (1.0, 2.0):
        standing.probed(alive=False, now=now, silent_since=0.0)
    opened = standing.breaker.state(3.0)

    trial = standing.begin(standing.target, 20.0)
    for now in (22.0, 24.0, 26.0):
        standing.probed(alive=False, now=now, silent_since=20.0)
    standing.answered(trial, None, 27.0)
    standing.end(trial)

    assert opened == "open"
    assert trial.trial
    assert not trial.died
    assert standing.breaker.state(27.0) == "closed"


async def test_attempt_that_has_said_all_is_not_abandoned() -> None:
    """Its last bytes may still be on their way to a caller when a probe finds the backend dead."""
    standing = new_standing()
    done, waiting = standing.begin(standing.target, 0.0), standing.begin(standing.target, 0.0)
    done.answered = True
    async with asyncio.timeout(60) as limit:
        done.limit = limit
        for now in (1.0, 2.0):
            standing.probed(alive=False, now=now, silent_since=0.0)
        await asyncio.sleep(0)

    assert standing.breaker.state(2.0) == "open"
    assert not done.died
    assert waiting in standing.under_way


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
