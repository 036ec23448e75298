"""`python -m tools.drills.ingest`: telemetry killed ten times at any moment while spans come in.

What was acknowledged longer than a flush before a kill is there, once, and nothing of it in part; the file was never
put aside; and no request to the gateway failed meanwhile.
"""

import asyncio
import os
import random
import signal
import sys
import time
from collections import Counter
from dataclasses import dataclass

import uvloop

from lumina_telemetry.settings import TelemetrySettings
from tools.drills.kept import keep
from tools.drills.load import Callers, Mix
from tools.drills.otlp import SPANS_A_BATCH, Batch, Senders
from tools.drills.world import asked, configured, limited_key, pids, provider
from tools.running import Running

PER_SECOND, KILLS, SECONDS = 5_000, 10, 45.0
BETWEEN_SECONDS = (1.0, 4.0)
MARGIN_SECONDS = 0.5  # for the flush itself, and for the answer on its way
ALLOWED_SECONDS = TelemetrySettings().flush_seconds + MARGIN_SECONDS
CALLS_PER_SECOND, TOKENS = 50, 10
SETTLE_SECONDS, BACK_SECONDS, STEP_SECONDS = 3.0, 30.0, 0.05
AT_ONCE = 4


@dataclass(frozen=True)
class Found:
    """Spans of a batch that are stored, and how many of them a second time."""

    spans: int
    twice: int


def main() -> int:
    with provider() as stub, configured({"m": [stub.url(tokens=TOKENS)]}) as running:
        findings = uvloop.run(_drill(running))
    print("\n".join(f"FAILED: {finding}" for finding in findings) or "Nothing was lost but the last unflushed second.")
    return 1 if findings else 0


async def _drill(running: Running) -> list[str]:
    senders, going = Senders(running, "ingest"), [True]
    callers = Callers(running.gateway, await limited_key(running, "ingest"), Mix("m", TOKENS), most=2000)
    load = asyncio.ensure_future(callers.at_rate(CALLS_PER_SECOND, lambda: bool(going)))
    sending = asyncio.ensure_future(senders.pace(PER_SECOND, SECONDS))
    kills = await _killed_again_and_again(running)
    await sending
    going.clear()
    await load
    await asyncio.sleep(SETTLE_SECONDS)
    found = await _found(running, senders.batches)
    lost = _lost(senders.batches, found, kills)
    aside = [file.name for file in (running.home / "telemetry").glob("*.aside-*")]
    _tell(senders, kills, lost, found, callers)
    return [*_wrong(lost, found), *(f"{name} was put aside" for name in aside), *_failed(callers)]


async def _killed_again_and_again(running: Running) -> list[float]:
    kills, draw = [], random.Random()
    for _ in range(KILLS):
        await asyncio.sleep(draw.uniform(*BETWEEN_SECONDS))
        old = (await asyncio.to_thread(pids, running))["telemetry"]
        os.kill(old, signal.SIGKILL)
        kills.append(time.monotonic())
        async with asyncio.timeout(BACK_SECONDS):
            while await _process(running) in (None, old):
                pass
    return kills


async def _process(running: Running) -> int | None:
    await asyncio.sleep(STEP_SECONDS)
    return (await asyncio.to_thread(pids, running)).get("telemetry")


async def _found(running: Running, batches: list[Batch]) -> list[Found]:
    places = asyncio.Semaphore(AT_ONCE)

    async def look(batch: Batch) -> Found:
        async with places:
            try:
                trace = await asked(running, "GET", f"/api/telemetry/traces/{batch.trace_id.hex()}?limit=1")
            except RuntimeError as error:
                if "trace_not_found" not in str(error):
                    raise
                return Found(0, 0)
        return Found(trace["spans"], trace["duplicates"])

    return list(await asyncio.gather(*map(look, batches)))


def _lost(batches: list[Batch], found: list[Found], kills: list[float]) -> list[float]:
    """Of each acknowledged batch that is not there, how many seconds before a kill that was; for ever, if none came."""
    gone = [batch.taken for batch, one in zip(batches, found, strict=True) if batch.taken and not one.spans]
    return [min((kill - taken for kill in kills if kill >= taken), default=float("inf")) for taken in gone]


def _wrong(lost: list[float], found: list[Found]) -> list[str]:
    findings = []
    if late := [seconds for seconds in lost if seconds > ALLOWED_SECONDS]:
        findings.append(f"{len(late)} batches were lost that were taken up to {max(late):.2f} s before a kill")
    if parts := sum(one.spans not in (0, SPANS_A_BATCH) for one in found):
        findings.append(f"{parts} batches are there in part")
    if twice := sum(one.twice for one in found):
        findings.append(f"{twice} spans are there twice")
    return findings


def _failed(callers: Callers) -> list[str]:
    failed = callers.tally.failed
    return [f"{failed} requests to the gateway failed: {callers.tally.told()}"] if failed else []


def _tell(senders: Senders, kills: list[float], lost: list[float], found: list[Found], callers: Callers) -> None:
    told = {
        "spans": len(senders.batches) * SPANS_A_BATCH,
        "kills": len(kills),
        "statuses": {str(status): count for status, count in sorted(senders.statuses.items())},
        "found": sum(one.spans for one in found),
        "twice": sum(one.twice for one in found),
        "lost_spans": len(lost) * SPANS_A_BATCH,
        "lost_ms_before_a_kill": sorted(round(seconds * 1000) for seconds in lost),
        "gateway": dict(Counter(callers.tally.outcomes)),
    }
    print("\n".join(f"{name}: {value}" for name, value in told.items()))
    print(f"Kept in {keep('ingest', told)}.", flush=True)


if __name__ == "__main__":
    sys.exit(main())
