"""What every store of the limits holds to: one suite, on the SQLite file and on a real Redis."""

import asyncio
import contextlib
import shutil
import socket
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from subprocess import Popen

import pytest

from apps.inference.tests.limits_world import NOON, SetClock, caller, cost, eventually
from lumina_contracts.snapshot import Limits
from lumina_inference.gateway.index import Caller
from lumina_inference.gateway.limits import (
    BudgetReserved,
    BudgetSpent,
    ConfiguredStore,
    Limiter,
    LocalStore,
    Store,
    StoreUnavailable,
)
from lumina_inference.gateway.limits.redisstore import RedisStore
from lumina_inference.gateway.limits.store import Counter, Line, Report, Sale, Standing, Sum
from lumina_inference.gateway.limits.windows import window

DAY, MONTH = window("day", NOON.timestamp()), window("month", NOON.timestamp())
MINUTE = window("minute", NOON.timestamp())
TOKENS = Counter("key:k", "tokens", *MINUTE)
MONEY = Counter("key:k", "nano_usd", *MONTH)
SALE = Sale(DAY.begins, "k", "p", "r", "b")
LARGE = 2**60 + 1  # beyond what a double can tell apart

NewStore = Callable[[], Store]


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    """A Redis of this module's own, on a unix socket in a short path."""
    folder = Path(tempfile.mkdtemp(prefix="lumina-redis-"))
    path = folder / "redis.sock"
    server = Popen(
        ["redis-server", "--port", "0", "--unixsocket", path, "--dir", folder, "--save", "", "--logfile", "log"]
    )
    try:
        _wait_for(path)
        yield f"unix://{path}"
    finally:
        server.kill()
        server.wait()
        shutil.rmtree(folder)


def _wait_for(path: Path) -> None:
    for _ in range(1000):
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(1)
            probe.connect(str(path))
            return
        time.sleep(0.01)
    raise TimeoutError(path)


@pytest.fixture(params=["sqlite", pytest.param("redis", marks=pytest.mark.system("redis-server"))])
async def new_store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[NewStore]:
    """Makes stores as different processes would, that share one truth."""
    clock = SetClock()
    if request.param == "sqlite":
        yield lambda: LocalStore(tmp_path, clock)
        return
    from redis.asyncio import Redis

    url = request.getfixturevalue("redis_url")
    async with Redis.from_url(url) as client:
        await client.flushall()
    yield lambda: RedisStore(url, clock, dead_seconds=1)


async def test_a_lease_is_a_share_of_what_is_left_and_never_more(new_store: NewStore) -> None:
    async with new_store() as one, new_store() as other:
        first = await one.exchange(Report(1, (Line(TOKENS, 100, wanted=1),)))
        second = await other.exchange(Report(1, (Line(TOKENS, 100, wanted=1),)))
        third = await other.exchange(Report(2, (Line(TOKENS, 100, held=16, wanted=1000),)))

    assert (first.standings, first.owners) == ((Standing(0, 50, 50),), 1)
    assert (second.standings, second.owners) == ((Standing(0, 16, 34),), 2)
    assert third.standings == (Standing(0, 50, 0),)


async def test_what_was_used_leaves_the_lease_and_is_settled(new_store: NewStore) -> None:
    async with new_store() as store:
        await store.exchange(Report(1, (Line(TOKENS, 100, wanted=60),)))
        answer = await store.exchange(Report(2, (Line(TOKENS, 100, used=45, held=15),)))

        assert answer.standings == (Standing(45, 15, 40),)
        assert await store.settled(TOKENS) == 45


async def test_a_limit_that_was_lowered_takes_the_lease_back(new_store: NewStore) -> None:
    async with new_store() as store:
        await store.exchange(Report(1, (Line(TOKENS, 100, wanted=60),)))
        lower = await store.exchange(Report(2, (Line(TOKENS, 50, used=45, held=15),)))
        gone = await store.exchange(Report(3, (Line(TOKENS, None, held=5),)))

    assert lower.standings == (Standing(45, 5, 0),)
    assert gone.standings == (Standing(45, 0, 0),)


async def test_money_is_counted_from_the_sales_for_key_and_project_by_day_and_month(new_store: NewStore) -> None:
    sold = {SALE: Sum(2, 30, LARGE), SALE._replace(route="other"): Sum(1, 1, 1)}

    async with new_store() as store:
        answer = await store.exchange(Report(1, (Line(MONEY, None, used=LARGE),), sold))
        await store.exchange(Report(2, (), {SALE: Sum(1, 5, 1)}))
        counted = [
            await store.settled(Counter(subject, "nano_usd", *span))
            for subject in ("key:k", "project:p")
            for span in (DAY, MONTH)
        ]
        booked = await store.sales(DAY.begins)

    assert answer.standings[0].settled == LARGE + 1
    assert counted == [LARGE + 2] * 4
    assert booked == {SALE: Sum(3, 35, LARGE + 1), SALE._replace(route="other"): Sum(1, 1, 1)}


async def test_leases_are_given_back_when_a_process_ends(new_store: NewStore) -> None:
    async with new_store() as other:
        async with new_store() as one:
            await one.exchange(Report(1, (Line(TOKENS, 100, wanted=100),)))
        answer = await other.exchange(Report(1, (Line(TOKENS, 100, wanted=100),)))

    assert answer.standings == (Standing(0, 100, 0),)


async def test_a_limiter_runs_on_it(new_store: NewStore) -> None:
    who = caller(Limits(budget_nano_usd=1000, requests_per_minute=50))

    async with Limiter(new_store(), SetClock(), 0.02) as limits:
        for _ in range(10):
            (await limits.admit(who, cost(50))).settle(3, 40)
        await eventually(lambda: _is(limits, 400))


async def _is(limits: Limiter, expected: int) -> bool:
    return await limits.reported("key:k") == expected


@pytest.mark.system("redis-server")
async def test_redis_adds_a_report_once_however_often_it_comes(redis_url: str) -> None:
    report = Report(
        1, (Line(Counter("key:again", "tokens", *MINUTE), 100, used=7),), {SALE._replace(key_id="again"): Sum(1, 7, 9)}
    )

    async with RedisStore(redis_url, SetClock()) as store:
        await store.exchange(report)
        again = await store.exchange(report)
        booked = await store.sales(DAY.begins)

    assert again.standings[0].settled == 7
    assert booked[SALE._replace(key_id="again")] == Sum(1, 7, 9)


@pytest.mark.system("redis-server")
async def test_redis_frees_the_leases_of_a_process_that_fell_silent(redis_url: str) -> None:
    counter = Counter("key:silent", "tokens", *MINUTE)

    async with RedisStore(redis_url, SetClock(), 1) as silent, RedisStore(redis_url, SetClock(), 1) as other:
        await silent.exchange(Report(1, (Line(counter, 100, wanted=100),)))

        async def all_of_it() -> bool:
            answer = await other.exchange(Report(1, (Line(counter, 100, wanted=100),)))
            return answer.standings[0].leased == 100

        assert not await all_of_it()
        await eventually(all_of_it)
        back = await silent.exchange(Report(2, (Line(counter, 100, held=100),)))

    assert back.standings == (Standing(0, 0, 0),)


@pytest.mark.parametrize("url", ["unix:///nowhere/none.sock", "no address"])
async def test_a_redis_that_is_away_is_told_of(url: str) -> None:
    async with RedisStore(url) as store:
        with pytest.raises(StoreUnavailable, match="Redis"):
            await store.exchange(Report(1))


@pytest.mark.system("redis-server")
async def test_limits_move_to_redis_and_back_with_the_configuration(redis_url: str, tmp_path: Path) -> None:
    addresses: list[str | None] = [None]
    counter = Counter("key:moves", "tokens", *MINUTE)

    async with ConfiguredStore(tmp_path, lambda: addresses[-1], SetClock()) as store:
        await store.exchange(Report(1, (Line(counter, 100, used=1, wanted=100),)))
        addresses.append(redis_url)
        moved = await store.exchange(Report(2, (Line(counter, 100, used=2, held=99),)))
        addresses.append(None)
        back = await store.exchange(Report(3, (Line(counter, 100, used=3, wanted=100),)))

    assert moved.standings == (Standing(2, 98, 0),)
    assert back.standings == (Standing(4, 96, 0),)


async def test_two_processes_overshoot_a_budget_by_an_estimate_each_at_most(new_store: NewStore) -> None:
    who = caller(Limits(budget_nano_usd=10_000))

    async with Limiter(new_store(), SetClock(), 0.02) as one, Limiter(new_store(), SetClock(), 0.02) as other:
        spent = await asyncio.gather(*(_spend_until_refused(limits, who) for limits in (one, other) for _ in range(50)))
        await eventually(lambda: _is(one, sum(spent)))

    assert 10_000 <= sum(spent) < 10_000 + 2 * 100


async def _spend_until_refused(limits: Limiter, who: Caller) -> int:
    spent = 0
    while True:
        try:
            stream = await limits.admit(who, cost(100))
        except BudgetSpent:
            return spent
        except BudgetReserved:
            await asyncio.sleep(0.01)
            continue
        await asyncio.sleep(0)
        stream.settle(1, 99)
        spent += 99
