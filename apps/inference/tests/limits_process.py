"""A process that spends from a budget; the tests of several processes start it.

`python -m apps.inference.tests.limits_process HOW FOLDER BUDGET SEED`. It writes `open` when it can begin, waits for a
line, and writes one JSON object.
"""

import asyncio
import json
import random
import sys
import time
from pathlib import Path

from apps.inference.tests.limits_world import caller, cost, eventually
from lumina_contracts.snapshot import Limits
from lumina_inference.gateway.index import Caller
from lumina_inference.gateway.limits import BudgetReserved, BudgetSpent, Limiter, LocalStore, Reservation

ESTIMATE = 1000
STREAMS = 200
UNREPORTED = 5


async def spend_all(limits: Limiter, who: Caller, chance: random.Random) -> dict[str, int]:
    """Two hundred streams at once, one after the other in each place, until nothing is left."""
    totals = await asyncio.gather(*(_spend(limits, who, chance) for _ in range(STREAMS)))
    return {"spent": sum(totals)}


async def _spend(limits: Limiter, who: Caller, chance: random.Random) -> int:
    spent = 0
    while True:
        try:
            stream = await limits.admit(who, cost(ESTIMATE))
        except BudgetSpent:
            return spent
        except BudgetReserved:
            await asyncio.sleep(0.01)
            continue
        await asyncio.sleep(chance.random() / 100)
        used = chance.randint(1, ESTIMATE)
        stream.settle(1, used, route="r", backend="b")
        spent += used


async def hold_all(limits: Limiter, who: Caller, chance: random.Random) -> dict[str, int]:
    """Some spend that was reported, some that was not, and all the rest of the budget on lease: then stand still."""
    budget = who.key.limits.budget_nano_usd or 0
    reported = 0
    for _ in range(40):
        used = chance.randint(1, ESTIMATE)
        (await limits.admit(who, cost(ESTIMATE))).settle(1, used)
        reported += used
    held: list[Reservation] = []
    try:
        while True:
            held.append(await limits.admit(who, cost(budget // 10)))
    except BudgetReserved:
        pass
    await eventually(lambda: _is(limits, reported))
    for one in held[:UNREPORTED]:
        one.settle(1, 1)
    _say({"reported": reported, "unreported": UNREPORTED})
    _stand_still()
    return {}


async def _is(limits: Limiter, expected: int) -> bool:
    return await limits.reported("key:k") == expected


def _stand_still() -> None:
    time.sleep(60)  # nothing more is flushed: the test kills this process


async def main(how: str, folder: str, budget: str, seed: str) -> None:
    who = caller(Limits(budget_nano_usd=int(budget)))
    async with Limiter(LocalStore(Path(folder)), flush_seconds=0.05) as limits:
        _write("open")
        await asyncio.to_thread(sys.stdin.readline)
        result = await {"spend": spend_all, "hold": hold_all}[how](limits, who, random.Random(int(seed)))
    _say(result)


def _say(what: dict[str, int]) -> None:
    _write(json.dumps(what))


def _write(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
