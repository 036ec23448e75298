"""Limits when their store is broken or away."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from apps.inference.tests.limits_world import NOON, SetClock, caller, cost, eventually, limiter
from lumina_contracts.snapshot import Limits
from lumina_inference.gateway.limits import (
    BudgetReserved,
    BudgetSpent,
    Estimate,
    Limiter,
    LimitsUnavailable,
    LocalStore,
    RateLimited,
    Sale,
    StoreUnavailable,
    Sum,
)
from lumina_inference.gateway.limits.book import Book
from lumina_inference.gateway.limits.store import Answer, Counter, Report
from lumina_inference.gateway.limits.windows import window
from lumina_kit.clock import Clock

BUDGET = Limits(budget_nano_usd=1000)


class Unsteady(LocalStore):
    """A store that goes away and comes back. `asked`: a report came in vain, which it hears once `tells` is set."""

    def __init__(self, folder: Path, now: Clock) -> None:
        super().__init__(folder, now)
        self.away = False
        self.asked, self.tells = asyncio.Event(), asyncio.Event()
        self.tells.set()

    async def exchange(self, report: Report) -> Answer:
        if self.away:
            self.asked.set()
            await self.tells.wait()
            raise StoreUnavailable("it is away")
        return await super().exchange(report)

    def return_after_failing(self) -> None:
        self.away = False
        self.tells.set()


def reports(limits: Limiter, expected: int) -> Callable[[], Awaitable[bool]]:
    async def holds() -> bool:
        return await limits.reported("key:k") == expected

    return holds


def remove_database(folder: Path) -> None:
    for file in folder.glob("limits.sqlite*"):
        file.unlink()


async def spend(limits: Limiter, limit: Limits, amount: int) -> int:
    """Spend in parts of ten until it is refused, or so much is spent."""
    spent = 0
    while spent < amount:
        try:
            (await limits.admit(caller(limit), cost(10))).settle(1, 10)
        except (BudgetReserved, BudgetSpent):
            break
        spent += 10
    return spent


async def test_a_broken_file_is_moved_aside_and_a_new_one_begun(tmp_path: Path) -> None:
    (tmp_path / "limits.sqlite").write_bytes(b"this is no database" * 1000)

    async with limiter(tmp_path) as limits:
        (await limits.admit(caller(BUDGET), cost(10))).settle(1, 10)
        await eventually(reports(limits, 10))

    assert (tmp_path / "limits.broken.sqlite").read_bytes().startswith(b"this is no database")


async def test_a_file_that_was_removed_is_begun_anew_by_a_running_gateway(tmp_path: Path) -> None:
    async with limiter(tmp_path) as limits:
        (await limits.admit(caller(), cost(10))).settle(1, 10)
        await eventually(reports(limits, 10))
        remove_database(tmp_path)
        (await limits.admit(caller(), cost(10))).settle(1, 7)
        await eventually(reports(limits, 7))


async def test_a_folder_that_cannot_be_written_stops_only_those_with_a_budget(tmp_path: Path) -> None:
    (tmp_path / "gateway").write_text("a file where the folder should be")

    async with limiter(tmp_path / "gateway") as limits:
        (await limits.admit(caller(), cost(10))).settle(1, 10)
        await limits.admit(caller(Limits(requests_per_minute=5), key="fast"), cost(10))
        with pytest.raises(LimitsUnavailable, match="key k"):
            await limits.admit(caller(BUDGET), cost(10))
        assert limits.spent("key:k") == 10


async def test_while_the_store_is_away_a_process_spends_what_it_knew_to_be_left_and_no_more(tmp_path: Path) -> None:
    store = Unsteady(tmp_path, SetClock())

    async with limiter(tmp_path, store=store) as limits:
        assert await spend(limits, BUDGET, 100) == 100
        await eventually(reports(limits, 100))
        store.away = True
        assert await spend(limits, BUDGET, 5000) == 900
        with pytest.raises(BudgetSpent):
            await limits.admit(caller(BUDGET), cost(10))
        store.away = False
        await eventually(reports(limits, 1000))
        with pytest.raises(BudgetSpent):
            await limits.admit(caller(BUDGET), cost(10))


async def test_what_was_used_while_a_report_failed_comes_with_the_next(tmp_path: Path) -> None:
    store = Unsteady(tmp_path, SetClock())
    who = caller(Limits(tokens_per_minute=1000))
    counter = Counter("key:k", "tokens", *window("minute", NOON.timestamp()))

    async def all_is_told() -> bool:
        return await limits.reported("key:k") == 6 and await store.settled(counter) == 60

    async with limiter(tmp_path, store=store) as limits:
        (await limits.admit(who, Estimate(10, 0))).settle(10, 1)
        store.away = True
        (await limits.admit(who, Estimate(20, 0))).settle(20, 2)
        await store.asked.wait()
        (await limits.admit(who, Estimate(30, 0))).settle(30, 3)
        store.away = False
        await eventually(all_is_told)


async def test_a_process_that_ends_tells_all_though_its_last_report_but_one_failed(tmp_path: Path) -> None:
    store = Unsteady(tmp_path, SetClock())
    store.tells.clear()

    async with limiter(tmp_path, store=store) as limits:
        (await limits.admit(caller(BUDGET), cost(10))).settle(1, 10)
        store.away = True
        await store.asked.wait()
        (await limits.admit(caller(BUDGET), cost(10))).settle(1, 5)
        asyncio.get_running_loop().call_later(0.05, store.return_after_failing)
    async with LocalStore(tmp_path) as after:
        booked = await after.sales(0)

    assert sum(total.nano_usd for total in booked.values()) == 15


async def test_rates_hold_while_the_store_is_away(tmp_path: Path) -> None:
    store = Unsteady(tmp_path, clock := SetClock())
    who = caller(Limits(requests_per_minute=20))
    nothing = Estimate(0, 0)

    async with limiter(tmp_path, clock, store) as limits:
        await limits.admit(who, nothing)
        store.away = True
        clock.move(minutes=2)
        for _ in range(20):
            await limits.admit(who, nothing)
        with pytest.raises(RateLimited):
            await limits.admit(who, nothing)


async def test_a_day_that_begins_while_the_store_is_away_has_its_whole_budget(tmp_path: Path) -> None:
    store = Unsteady(tmp_path, clock := SetClock())
    daily = Limits(budget_nano_usd=1000, budget_period="day")

    async with limiter(tmp_path, clock, store) as limits:
        await spend(limits, daily, 1000)
        store.away = True
        clock.move(days=1)
        assert await spend(limits, daily, 5000) == 1000


def test_an_outage_with_very_many_sales_forgets_their_backends_and_no_money() -> None:
    book = Book()

    for number in range(15_000):
        book.add(Sale(0, "k", "p", "r", f"b{number}"), 1, 2)
    book.freeze()

    assert len(book.frozen) == 10_001
    assert book.frozen[Sale(0, "k", "p", "", "")] == Sum(5000, 5000, 10_000)
    assert book.total() == {"requests": 15_000, "nano_usd": 30_000}
