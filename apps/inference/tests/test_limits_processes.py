"""Two gateway processes on one machine share a budget, and one of them may be killed."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import pytest

from apps.inference.tests.limits_process import ESTIMATE, UNREPORTED
from apps.inference.tests.limits_world import caller, cost, eventually
from lumina_contracts.snapshot import Limits
from lumina_inference.gateway.limits import BudgetReserved, Limiter, LocalStore

ROOT = Path(__file__).resolve().parents[3]
BUDGET = 1_000_000


async def started(how: str, folder: Path, seed: int) -> Process:
    arguments = ["-m", "apps.inference.tests.limits_process", how, str(folder), str(BUDGET), str(seed)]
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdin=PIPE, stdout=PIPE, cwd=ROOT)
    assert await _line(process) == b"open\n"
    return process


async def told(process: Process) -> dict[str, int]:
    said: dict[str, int] = json.loads(await _line(process))
    return said


async def _line(process: Process) -> bytes:
    assert process.stdout
    return await asyncio.wait_for(process.stdout.readline(), 30)


def locks(folder: Path) -> list[Path]:
    return list(folder.glob("limits-*.lock"))


def go(process: Process) -> None:
    assert process.stdin
    process.stdin.write(b"go\n")


async def test_four_hundred_streams_in_two_processes_overshoot_by_an_estimate_each_at_most(tmp_path: Path) -> None:
    both = await asyncio.gather(started("spend", tmp_path, 1), started("spend", tmp_path, 2))

    for process in both:
        go(process)
    spent = [(await told(process))["spent"] for process in both]
    ended = [await process.wait() for process in both]
    async with Limiter(LocalStore(tmp_path)) as limits:
        reported = await limits.reported("key:k")
        sold = await limits.sales(0)

    assert ended == [0, 0]
    assert BUDGET <= sum(spent) <= BUDGET + len(both) * ESTIMATE
    assert reported == sum(spent) == sum(total.nano_usd for total in sold.values())


async def test_what_a_killed_process_had_reported_stays_and_its_leases_are_free_again(tmp_path: Path) -> None:
    who = caller(Limits(budget_nano_usd=BUDGET))
    process = await started("hold", tmp_path, 3)

    async with Limiter(LocalStore(tmp_path), flush_seconds=0.05) as limits:
        go(process)
        before = await told(process)
        with pytest.raises(BudgetReserved):
            await limits.admit(who, cost(1))
        process.kill()
        await process.wait()

        async def admitted() -> bool:
            try:
                (await limits.admit(who, cost(ESTIMATE))).settle(1, 1)
            except BudgetReserved:
                return False
            return True

        await eventually(admitted)
        await eventually(lambda: _is(limits, before["reported"] + 1))

    assert before["unreported"] == UNREPORTED
    assert not locks(tmp_path)


async def _is(limits: Limiter, expected: int) -> bool:
    return await limits.reported("key:k") == expected
