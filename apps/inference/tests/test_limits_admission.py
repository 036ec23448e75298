"""What the limiter admits and refuses, and what it counts."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from apps.inference.tests.limits_world import NOON, SetClock, caller, cost, eventually, limiter
from lumina_contracts.snapshot import Limits
from lumina_inference.gateway.limits import BudgetReserved, BudgetSpent, Estimate, LocalStore, RateLimited
from lumina_inference.gateway.limits.store import Answer, Counter, Report
from lumina_inference.gateway.limits.windows import window
from lumina_kit.clock import Clock

USD = 10**9
NOTHING = Estimate(0, 0)


async def test_a_caller_without_limits_is_admitted_at_once_and_counted_all_the_same(tmp_path: Path) -> None:
    async with limiter(tmp_path) as limits:
        reservation = limits.admit_now(caller(), cost(5))

        assert reservation is not None
        reservation.settle(10, 7, route="r", backend="b")
        assert reservation.headers() == []
        assert limits.spent("key:k") == limits.spent("project:p") == 7


async def test_a_limited_caller_needs_a_lease_first_and_then_none(tmp_path: Path) -> None:
    who = caller(Limits(budget_nano_usd=USD))

    async with limiter(tmp_path) as limits:
        assert limits.admit_now(who, cost(5)) is None
        (await limits.admit(who, cost(5))).settle(1, 5)
        assert limits.admit_now(who, cost(5)) is not None


async def test_spend_that_reaches_the_budget_stops_the_key_until_the_reset(tmp_path: Path) -> None:
    who = caller(Limits(budget_nano_usd=1_500_000_000, budget_period="day"))

    async with limiter(tmp_path, clock := SetClock()) as limits:
        (await limits.admit(who, cost(USD))).settle(10, 1_500_000_001)
        with pytest.raises(BudgetSpent) as refused:
            await limits.admit(who, cost(1))
        clock.move(hours=12)
        (await limits.admit(who, cost(USD))).settle(10, 3)
        spent_today = limits.spent("key:k")

    assert refused.value.message == (
        "Budget exceeded: the key k has spent 1.500000001 USD of 1.50 USD for this UTC day; the budget starts anew at"
        " 2026-11-21T00:00:00Z."
    )
    assert refused.value.headers == {"Retry-After": str(12 * 3600 - 5), "x-should-retry": "false"}
    assert (refused.value.http_status, refused.value.detail.type) == (429, "insufficient_quota")
    assert refused.value.detail.code == "budget_exceeded"
    assert spent_today == 3


async def test_the_budget_of_a_project_holds_for_its_keys_together(tmp_path: Path) -> None:
    budget = Limits(budget_nano_usd=100)
    one, other = caller(project=budget, key="one"), caller(project=budget, key="other")

    async with limiter(tmp_path) as limits:
        (await limits.admit(one, cost(10))).settle(1, 100)
        with pytest.raises(BudgetSpent, match="the project p has spent"):
            await limits.admit(other, cost(10))
        assert limits.spent("key:other") == 0


async def test_reservations_in_flight_are_waited_for_and_not_held_for_spend(tmp_path: Path) -> None:
    who = caller(Limits(budget_nano_usd=100))

    async with limiter(tmp_path) as limits:
        first = await limits.admit(who, cost(100))
        with pytest.raises(BudgetReserved) as refused:
            await limits.admit(who, cost(1))
        first.release()
        (await limits.admit(who, cost(1))).settle(1, 1)

    assert refused.value.headers == {"Retry-After": "1"}


async def test_overshoot_is_at_most_the_estimate_of_the_request_that_crosses(tmp_path: Path) -> None:
    who = caller(Limits(budget_nano_usd=1000))

    async with limiter(tmp_path) as limits:
        held = await asyncio.gather(*(limits.admit(who, cost(30)) for _ in range(200)), return_exceptions=True)
        admitted = [one for one in held if not isinstance(one, BaseException)]
        for one in admitted:
            one.settle(1, 30)
        assert limits.spent("key:k") == len(admitted) * 30

    assert 1000 <= len(admitted) * 30 < 1000 + 30
    assert {type(one) for one in held} - {type(admitted[0])} == {BudgetReserved}


async def test_a_stream_that_outgrows_its_estimate_takes_room_from_others(tmp_path: Path) -> None:
    who = caller(Limits(budget_nano_usd=100))

    async with limiter(tmp_path) as limits:
        stream = await limits.admit(who, cost(10))
        stream.extend(cost(90))
        with pytest.raises(BudgetReserved):
            await limits.admit(who, cost(1))
        stream.settle(1, 50)
        (await limits.admit(who, cost(1))).release()


async def test_requests_per_minute_are_refused_beyond_the_limit_and_anew_in_the_next_minute(tmp_path: Path) -> None:
    who = caller(Limits(requests_per_minute=3))

    async with limiter(tmp_path, clock := SetClock()) as limits:
        last = [await limits.admit(who, NOTHING) for _ in range(3)][-1]
        shown = dict(last.headers())
        with pytest.raises(RateLimited) as refused:
            await limits.admit(who, NOTHING)
        clock.move(seconds=55)
        await limits.admit(who, NOTHING)

    assert shown == {
        "x-ratelimit-limit-requests": "3",
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": "55s",
    }
    assert refused.value.headers == {"Retry-After": "55"} | shown
    assert "3 requests per minute" in refused.value.message
    assert refused.value.code == "rate_limit_exceeded"


async def test_a_request_that_was_released_has_been_made_but_its_tokens_were_not(tmp_path: Path) -> None:
    who = caller(Limits(requests_per_minute=10, tokens_per_minute=100))

    async with limiter(tmp_path) as limits:
        reservation = await limits.admit(who, Estimate(60, 0))
        reservation.release()
        shown = dict(reservation.headers())

    assert shown["x-ratelimit-remaining-requests"] == "9"
    assert shown["x-ratelimit-remaining-tokens"] == "100"


async def test_tokens_per_minute_count_what_was_really_used(tmp_path: Path) -> None:
    who = caller(Limits(tokens_per_minute=100))

    async with limiter(tmp_path) as limits:
        (await limits.admit(who, Estimate(20, 0))).settle(99, 0)
        (await limits.admit(who, Estimate(20, 0))).settle(1, 0)
        with pytest.raises(RateLimited, match="100 tokens per minute"):
            await limits.admit(who, Estimate(1, 0))


async def test_a_refusal_by_the_project_takes_nothing_from_the_key(tmp_path: Path) -> None:
    who = caller(Limits(requests_per_minute=10), Limits(requests_per_minute=1))

    async with limiter(tmp_path) as limits:
        first = await limits.admit(who, NOTHING)
        with pytest.raises(RateLimited, match="the project p"):
            await limits.admit(who, NOTHING)
        alone = await limits.admit(caller(Limits(requests_per_minute=10)), NOTHING)

    assert dict(first.headers())["x-ratelimit-remaining-requests"] == "0"
    assert dict(alone.headers())["x-ratelimit-remaining-requests"] == "8"


async def test_a_reservation_across_midnight_is_counted_on_the_day_it_began(tmp_path: Path) -> None:
    who = caller(Limits(budget_nano_usd=100, budget_period="day"))
    late = datetime(2026, 11, 20, 23, 59, 59, tzinfo=UTC)

    async with limiter(tmp_path, clock := SetClock(late)) as limits:
        stream = await limits.admit(who, cost(10))
        clock.move(seconds=2)
        (await limits.admit(who, cost(10))).settle(1, 4)
        stream.settle(1, 90)
    async with LocalStore(tmp_path, clock) as store:
        sold = await store.sales(0)
        today = await store.settled(Counter("key:k", "nano_usd", *window("day", clock().timestamp())))

    assert {sale.day: total.nano_usd for sale, total in sold.items()} == {1795132800: 90, 1795219200: 4}
    assert today == 4


class Noting(LocalStore):
    """A store that notes when the windows that it was asked for begin."""

    def __init__(self, folder: Path, now: Clock) -> None:
        super().__init__(folder, now)
        self.begun: set[int] = set()

    async def exchange(self, report: Report) -> Answer:
        answer = await super().exchange(report)
        self.begun |= {line.counter.begins for line in report.lines}
        return answer


async def test_the_next_minute_is_lent_ahead_to_a_key_in_use(tmp_path: Path) -> None:
    who = caller(Limits(requests_per_minute=10))
    clock = SetClock(NOON.replace(second=57))
    store, following = Noting(tmp_path, clock), NOON.replace(minute=1, second=0)

    async def lent_ahead() -> bool:
        return following.timestamp() in store.begun

    async with limiter(tmp_path, clock, store) as limits:
        await limits.admit(who, NOTHING)
        await eventually(lent_ahead)
        clock.move(seconds=4)
        assert limits.admit_now(who, NOTHING) is not None


@pytest.mark.parametrize("lowered", [50, 60])
async def test_a_lowered_budget_holds_at_once(tmp_path: Path, lowered: int) -> None:
    async with limiter(tmp_path) as limits:
        (await limits.admit(caller(Limits(budget_nano_usd=10_000)), cost(10))).settle(1, 60)
        with pytest.raises(BudgetSpent, match=f" of 0.0000000{lowered // 10} USD"):
            await limits.admit(caller(Limits(budget_nano_usd=lowered)), cost(1))


async def test_a_raised_or_removed_budget_lets_the_key_go_on(tmp_path: Path) -> None:
    async with limiter(tmp_path) as limits:
        (await limits.admit(caller(Limits(budget_nano_usd=10)), cost(10))).settle(1, 10)
        (await limits.admit(caller(Limits(budget_nano_usd=20)), cost(1))).settle(1, 10)
        (await limits.admit(caller(), cost(1))).settle(1, 1)
        assert limits.spent("key:k") == 21


async def test_a_first_budget_counts_what_the_key_has_spent_before(tmp_path: Path) -> None:
    async with limiter(tmp_path) as limits:
        (await limits.admit(caller(), cost(1))).settle(1, 30)
        with pytest.raises(BudgetSpent):
            await limits.admit(caller(Limits(budget_nano_usd=30, budget_period="day")), cost(1))


async def test_what_was_spent_survives_a_restart(tmp_path: Path) -> None:
    who = caller(Limits(budget_nano_usd=30))

    async with limiter(tmp_path, flush=60) as limits:
        (await limits.admit(who, cost(1))).settle(1, 30)
    async with limiter(tmp_path) as limits:
        with pytest.raises(BudgetSpent):
            await limits.admit(who, cost(1))


async def test_a_settled_reservation_cannot_be_settled_again(tmp_path: Path) -> None:
    async with limiter(tmp_path) as limits:
        reservation = await limits.admit(caller(), cost(1))
        reservation.settle(1, 1)
        reservation.release()
        with pytest.raises(RuntimeError):
            reservation.settle(1, 1)
        assert limits.spent("key:k") == 1


async def test_absurd_usage_gives_nothing_back_and_breaks_nothing(tmp_path: Path) -> None:
    who = caller(Limits(budget_nano_usd=10**30, tokens_per_minute=10**30))

    async with limiter(tmp_path) as limits:
        (await limits.admit(who, Estimate(10**40, 10**40))).settle(-5, -5)
        assert limits.spent("key:k") == 0
        (await limits.admit(who, NOTHING)).settle(10**40, 10**40)
        with pytest.raises(RateLimited):
            await limits.admit(who, NOTHING)
    async with LocalStore(tmp_path) as store:
        assert await store.settled(Counter("key:k", "nano_usd", *window("month", NOON.timestamp()))) == 2**53


async def test_a_caller_that_goes_away_while_it_waits_leaves_nothing_reserved(tmp_path: Path) -> None:
    who = caller(Limits(budget_nano_usd=10))

    async with limiter(tmp_path) as limits:
        waiting = asyncio.create_task(limits.admit(who, cost(10)))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        (await limits.admit(who, cost(10))).settle(1, 10)
