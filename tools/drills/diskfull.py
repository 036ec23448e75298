"""`python -m tools.drills.diskfull`: the disk of the telemetry folder fills up, and later has room again.

Intake answers 503 with Retry-After, the status and the log say why, and no request to the gateway fails. With room it
goes on by itself, and what senders kept arrives. The disk is a small tmpfs, which only root can mount.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvloop

from tools.drills.kept import keep
from tools.drills.load import Callers, Mix
from tools.drills.otlp import SPANS_A_BATCH, Senders
from tools.drills.world import asked, configured, limited_key, provider
from tools.running import Running

SMALL, LARGE = "8m", "512m"
PER_SECOND, SECONDS = 5_000, 20.0
FULL_FOR_SECONDS, CHANGE_SECONDS = 5.0, 40.0
CALLS_PER_SECOND, TOKENS = 50, 10
_STEP_SECONDS = 0.1
_SAID = ("telemetry takes nothing in", "telemetry takes in again")


def main() -> int:
    if os.geteuid() != 0:
        print("NOT RUN: needs root, to mount a small disk.")
        return 0
    with small_disk() as home, provider() as stub:
        routes = {"m": [stub.url(tokens=TOKENS)]}
        with configured(routes, environment={"LUMINA_TELEMETRY_FREE_BYTES": "1"}, home=home) as running:
            findings = uvloop.run(_drill(running))
    print("\n".join(f"FAILED: {finding}" for finding in findings) or "Intake stopped and went on; the gateway served.")
    return 1 if findings else 0


@contextmanager
def small_disk() -> Iterator[Path]:
    """A home whose telemetry folder is a disk of its own."""
    with tempfile.TemporaryDirectory(prefix="lumina-drill-") as folder:
        place = Path(folder) / "home" / "telemetry"
        place.mkdir(parents=True, mode=0o700)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SMALL},mode=700", "tmpfs", place], check=True)
        try:
            yield place.parent
        finally:
            subprocess.run(["umount", place], check=True)


async def _drill(running: Running) -> list[str]:
    senders, going = Senders(running, "diskfull"), [True]
    callers = Callers(running.gateway, await limited_key(running, "diskfull"), Mix("m", TOKENS), most=2000)
    load = asyncio.ensure_future(callers.at_rate(CALLS_PER_SECOND, lambda: bool(going)))
    sending = asyncio.ensure_future(senders.pace(PER_SECOND, SECONDS))
    full = await _until(running, "stopped")
    await asyncio.sleep(FULL_FOR_SECONDS)
    _make_room(running)
    began = time.monotonic()
    again = await _until(running, "storing")
    seconds = time.monotonic() - began
    async with asyncio.timeout(CHANGE_SECONDS):
        await sending
    going.clear()
    await load
    stored = await _stored(running, len(senders.batches) * SPANS_A_BATCH)
    findings = _wrong(running, senders, full, again, stored)
    if callers.tally.failed:
        findings.append(f"{callers.tally.failed} requests to the gateway failed: {callers.tally.told()}")
    told = {
        "spans": len(senders.batches) * SPANS_A_BATCH,
        "stored": stored,
        "statuses": {str(status): count for status, count in sorted(senders.statuses.items())},
        "retry_after": sorted(senders.retry_after),
        "reason": full["reason"],
        "seconds_until_it_went_on": round(seconds, 2),
        "gateway": dict(callers.tally.outcomes),
    }
    print("\n".join(f"{name}: {value}" for name, value in told.items()))
    print(f"Kept in {keep('diskfull', told)}.", flush=True)
    return findings


def _wrong(running: Running, senders: Senders, full: dict[str, Any], again: dict[str, Any], stored: int) -> list[str]:
    log = (running.home / "logs" / "lumina.log").read_text()
    findings = [f"the log does not say {said!r}" for said in _SAID if said not in log]
    if full["state"] != "stopped" or not full["reason"]:
        findings.append("the disk did not fill, or the status did not say so")
    if again["state"] != "storing":
        findings.append("it did not go on by itself")
    if not senders.statuses[503] or not all(value.isdigit() for value in senders.retry_after):
        findings.append("senders were not told to come again later")
    if set(senders.statuses) - {200, 429, 503}:
        findings.append(f"senders were answered {dict(senders.statuses)}")
    if stored != len(senders.batches) * SPANS_A_BATCH:
        findings.append(f"{stored} spans are stored of {len(senders.batches) * SPANS_A_BATCH}")
    return findings


def _make_room(running: Running) -> None:
    subprocess.run(["mount", "-o", f"remount,size={LARGE}", running.home / "telemetry"], check=True)


async def _until(running: Running, state: str) -> dict[str, Any]:
    """The first status with this state, or the last one."""
    deadline = time.monotonic() + CHANGE_SECONDS
    while (status := await _status(running))["state"] != state and time.monotonic() < deadline:
        pass
    return status


async def _status(running: Running) -> dict[str, Any]:
    await asyncio.sleep(_STEP_SECONDS)
    return dict(await asked(running, "GET", "/api/telemetry/status"))


async def _stored(running: Running, expected: int) -> int:
    """Spans that are there, as soon as they are as many as expected."""
    count, deadline = 0, time.monotonic() + CHANGE_SECONDS
    while count != expected and time.monotonic() < deadline:
        await asyncio.sleep(_STEP_SECONDS)
        page = await asked(running, "GET", "/api/telemetry/traces/statistics?service=diskfull")
        count = sum(item["count"] for item in page["items"])
    return count


if __name__ == "__main__":
    sys.exit(main())
