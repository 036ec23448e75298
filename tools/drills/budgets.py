"""`python -m tools.drills.budgets`: 200 streams at once on one budget, through two processes of the gateway.

They go on until all are refused. What was spent may be above the budget by one request's estimate for each process, and
the spend that the gateway tells is the sum of the answers to the nano-dollar. Then once more with a process killed on
the way: what it had not yet reported is lost, at most of its last interval, and nothing is billed that nobody got.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import uvloop

from tools.drills import wire
from tools.drills.client import Answer, Client
from tools.drills.world import INPUT_NANO_USD, OUTPUT_NANO_USD, asked, configured, limited_key, pids, provider
from tools.running import Running

TOKENS, STREAMS, ANSWERS = 20, 200, 1500.5  # the budget, in answers
COST = wire.PROMPT_TOKENS * INPUT_NANO_USD + TOKENS * OUTPUT_NANO_USD
PROCESSES, INTERVAL_SECONDS = 2, 1.0
REPORTED_SECONDS, DRILL_SECONDS = 5.0, 120.0
_MOST_LEFT = 0.05
_SPREAD_SECONDS = 0.5  # an interval's report is under way for a moment
GATEWAY = {"LUMINA_PLATFORM_GATEWAY_PROCESSES": str(PROCESSES), "LUMINA_PLATFORM_LOG_LEVEL": "warning"}


@dataclass
class Spending:
    """What the callers got, and what the gateway says that it cost."""

    budget: int
    answers: list[Answer] = field(default_factory=list)
    cut: list[Answer] = field(default_factory=list)
    refusals: list[Answer] = field(default_factory=list)
    spent: int = 0
    killed: float | None = None
    third: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def served(self) -> int:
        return len(self.answers) * COST


def main() -> int:
    with provider() as stub:
        routes = {"m": [stub.url(first=50, gap=5, tokens=TOKENS)]}
        with configured(routes, environment=GATEWAY) as running:
            findings = uvloop.run(_both(running))
    print("\n".join(f"FAILED: {finding}" for finding in findings) or "The budgets held.")
    return 1 if findings else 0


async def _both(running: Running) -> list[str]:
    whole = await _spent(running, "whole", None)
    killed = await _spent(running, "killed", lambda: _kill(running))
    return [*_overshoot(whole), *_undershoot(whole), *_exact(whole), *_overshoot(killed), *_within_an_interval(killed)]


async def _spent(running: Running, name: str, meanwhile: Callable[[], Awaitable[float]] | None) -> Spending:
    """Spend a new key's budget; `meanwhile` happens when about a third is spent."""
    spending = Spending(int(ANSWERS * COST))
    key = await limited_key(running, name, budget_usd=str(Decimal(spending.budget) / 10**9), budget_period="month")
    client = Client(running.gateway)
    callers = [asyncio.ensure_future(_until_refused(client, key, spending)) for _ in range(STREAMS)]
    if meanwhile is not None:
        await asyncio.wait_for(spending.third.wait(), DRILL_SECONDS)
        spending.killed = await meanwhile()
    await asyncio.wait_for(asyncio.gather(*callers), DRILL_SECONDS)
    client.close()
    await asyncio.sleep(REPORTED_SECONDS)
    spending.spent = await _told(running, name)
    over = spending.served - spending.budget
    print(
        f"{name}: {len(spending.answers)} answers, {len(spending.cut)} cut, {len(spending.refusals)} refused; "
        f"budget {spending.budget}, served {spending.served} ({over:+}), told {spending.spent} nano-dollars",
        flush=True,
    )
    return spending


async def _until_refused(client: Client, key: str, spending: Spending) -> None:
    request = wire.request(key, "m", stream=True, max_tokens=TOKENS)
    text = " ".join(wire.words(TOKENS))
    while not spending.refusals:
        answer = await client.ask(request)
        outcome = answer.outcome(text)
        if outcome == "answered":
            spending.answers.append(answer)
            if len(spending.answers) > ANSWERS / 3:
                spending.third.set()
        elif outcome == "refused" and b"budget_exceeded" in answer.body:
            spending.refusals.append(answer)
        elif outcome == "refused":
            await asyncio.sleep(0.2)  # what is left is reserved by others, who may settle for less
        else:
            spending.cut.append(answer)


async def _kill(running: Running) -> float:
    """Kill one of the gateway's processes."""
    os.kill((await asyncio.to_thread(pids, running))[f"gateway-{PROCESSES}"], signal.SIGKILL)
    return time.monotonic()


async def _told(running: Running, name: str) -> int:
    """The spend of the key of this name, as the gateway's state has it."""
    keys: Any = await asked(running, "GET", "/api/governance/keys")
    mine = next(key["id"] for key in keys["items"] if key["name"] == name)
    state: Any = await asked(running, "GET", "/lumina/state", plane="gateway")
    return max((entry["spent_nano_usd"] for entry in state["spend"] if entry["id"] == mine), default=0)


def _overshoot(spending: Spending) -> list[str]:
    """An estimate is at least what the request costs and, as `max_tokens` is set, at most twice that."""
    allowed = PROCESSES * 2 * COST + _unreported(spending) * COST
    over = spending.served - spending.budget
    return [f"{over} nano-dollars above the budget; {allowed} are allowed"] if over > allowed else []


def _undershoot(spending: Spending) -> list[str]:
    """Who is refused has spent the budget, up to what the processes hold for requests to come."""
    left = spending.budget - spending.served
    return [f"refused with {left} nano-dollars of the budget left"] if left > _MOST_LEFT * spending.budget else []


def _exact(spending: Spending) -> list[str]:
    found = [f"{len(spending.cut)} streams were cut"] if spending.cut else []
    if spending.spent != spending.served:
        found.append(f"the gateway tells {spending.spent} nano-dollars, and the answers cost {spending.served}")
    return found


def _within_an_interval(spending: Spending) -> list[str]:
    lost, most = spending.served - spending.spent, _unreported(spending) * COST
    unfair = -lost - len(spending.cut) * COST
    found = [f"{lost} nano-dollars are lost, {most} in the last interval"] if lost > most else []
    return found + ([f"{unfair} nano-dollars are billed that nobody got"] if unfair > 0 else [])


def _unreported(spending: Spending) -> int:
    """Answers that the killed process may not have reported: those that ended in its last interval."""
    if spending.killed is None:
        return 0
    since = spending.killed - INTERVAL_SECONDS - _SPREAD_SECONDS
    return sum(since <= answer.ended <= spending.killed for answer in spending.answers)


if __name__ == "__main__":
    sys.exit(main())
