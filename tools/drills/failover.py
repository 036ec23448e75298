"""`python -m tools.drills.failover`: how soon requests that a dying backend left unanswered are on another one.

For each kind of death, at least a hundred requests are in flight on the backend, plain and streams that have not begun,
and new ones keep arriving. Each must be answered, 99 of 100 within ten seconds of the death or of being sent.
"""

import argparse
import asyncio
import os
import signal
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass

import uvloop

from tools.drills import wire
from tools.drills.client import Answer, Client
from tools.drills.kept import keep
from tools.drills.line import line
from tools.drills.world import Provider, configured, provider
from tools.running import Running

TOKENS = 10
IN_FLIGHT, LEAST_IN_FLIGHT = 260, 100  # half of them go to either backend
NEW_PER_SECOND, NEW_SECONDS = 20, 12
P99_SECONDS, GIVEN_UP_SECONDS = 10.0, 45.0
SETTLE_SECONDS, SLOW_MS = 1.5, 60_000
DEATHS = ("killed", "reset", "black-holed", "silent")

Death = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class Result:
    """Seconds from the death, or from sending what was sent later, to each answer.

    `p99` is the worse one of those in flight and of those arriving: the many that arrive must not hide the others.
    """

    death: str
    in_flight: int
    arriving: int
    failed: int
    p50: float
    p99: float
    longest: float

    @property
    def good(self) -> bool:
        return self.failed == 0 and self.p99 <= P99_SECONDS and self.in_flight >= LEAST_IN_FLIGHT

    def row(self) -> str:
        times = f"{self.p50:8.2f}{self.p99:8.2f}{self.longest:8.2f}"
        verdict = "ok" if self.good else "FAILED"
        return f"{self.death:>12}{self.in_flight:>10}{self.arriving:>10}{self.failed:>8}{times}  {verdict}"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.drills.failover")
    parser.add_argument("deaths", nargs="*", default=DEATHS, metavar="DEATH", help=", ".join(DEATHS))
    parser.add_argument("--keep", action="store_true", help="write the results to bench/results")
    asked = parser.parse_args(arguments)
    print(f"{'death':>12}{'in flight':>10}{'arriving':>10}{'failed':>8}{'p50 s':>8}{'p99 s':>8}{'max s':>8}")
    results = []
    for death in asked.deaths:
        results.append(uvloop.run(_drill(death)))
        print(results[-1].row(), flush=True)
    if asked.keep:
        print(f"Kept in {keep('failover', {'results': [asdict(one) for one in results]})}.")
    return 0 if all(one.good for one in results) else 1


async def _drill(death: str) -> Result:
    with provider() as dying, provider() as sound:
        async with line(dying.port) as (made, accepting):
            deaths: dict[str, Death] = {
                "killed": lambda: _signalled(dying, signal.SIGKILL),
                "reset": lambda: _at_once(made.reset),
                "black-holed": lambda: made.vanish(accepting),
                "silent": lambda: _signalled(dying, signal.SIGSTOP),
            }
            through_line = death in ("reset", "black-holed")
            slow = dying.url(first=SLOW_MS, tokens=TOKENS)
            if through_line:
                slow = slow.replace(f":{dying.port}/", f":{made.port}/")
            routes = {"m": [slow, sound.url(first=20, tokens=TOKENS)]}
            context = configured(routes)
            running = await asyncio.to_thread(context.__enter__)
            try:
                return await _measured(death, running, dying, deaths[death])
            finally:
                await asyncio.to_thread(context.__exit__, None, None, None)


async def _measured(death: str, running: Running, dying: Provider, die: Death) -> Result:
    client = Client(running.gateway, GIVEN_UP_SECONDS)
    waiting = [asyncio.ensure_future(_ask(client, running, stream=bool(turn % 2))) for turn in range(IN_FLIGHT)]
    await asyncio.sleep(SETTLE_SECONDS)  # those on the sound backend are answered by now
    in_flight = (await asyncio.to_thread(dying.stats)).get("requests", 0)
    left = [task for task in waiting if not task.done()]
    died = time.monotonic()
    await die()
    arriving = await _arriving(client, running)
    answers = await asyncio.gather(*left, *arriving)
    client.close()
    text = " ".join(wire.words(TOKENS))
    failed = [answer for answer in answers if answer.outcome(text) != "answered"]
    for answer in failed[:3]:
        print(f"    {answer.status} after {answer.seconds:.1f} s: {answer.body[:300]!r}")
    times = [answer.ended - max(died, answer.sent) for answer in answers]
    p99 = max(_p99(times[: len(left)]), _p99(times[len(left) :]))
    counted = min(in_flight, len(left))
    return Result(death, counted, len(arriving), len(failed), statistics.median(times), p99, max(times))


def _p99(times: list[float]) -> float:
    return sorted(times)[int(len(times) * 0.99)] if times else 0.0


async def _arriving(client: Client, running: Running) -> list[asyncio.Task[Answer]]:
    """Requests that are sent after the death, as steadily as before."""
    tasks = []
    for turn in range(NEW_PER_SECOND * NEW_SECONDS):
        tasks.append(asyncio.ensure_future(_ask(client, running, stream=bool(turn % 2))))
        await asyncio.sleep(1 / NEW_PER_SECOND)
    return tasks


async def _ask(client: Client, running: Running, *, stream: bool) -> Answer:
    return await client.ask(wire.request(running.admin_key, "m", stream=stream))


async def _signalled(dying: Provider, number: signal.Signals) -> None:
    os.kill(dying.process.pid, number)


async def _at_once(act: Callable[[], None]) -> None:
    act()


if __name__ == "__main__":
    sys.exit(main())
