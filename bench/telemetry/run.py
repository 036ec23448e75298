"""What Lumina's telemetry takes in, and how soon and how fast it answers; beside MLflow's OTLP endpoint and Phoenix.

    make bench NAME=telemetry           about four minutes
    FULL=1 make bench NAME=telemetry    two minutes for each subject, about ten minutes
    PEERS=0 make bench NAME=telemetry   Lumina alone

Lumina is whole (`lumina up`): what is sent passes control's key check and goes on to the telemetry process. Last, the
gateway is loaded with telemetry on and off in turn.
"""

import asyncio
import os
import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from bench.gateway.processes import Subject
from bench.telemetry import peers, signals
from bench.telemetry.asking import ask_while_sending
from bench.telemetry.findings import Findings, Intake
from bench.telemetry.overhead import overhead
from bench.telemetry.sending import Receiver, flood
from bench.telemetry.stream import Stream
from tools.running import Running, lumina

Starting = Callable[[Path], AbstractContextManager[tuple[Subject, Receiver]]]
FULL = bool(os.environ.get("FULL"))
PEERS = os.environ.get("PEERS", "1") != "0"
SECONDS = 120.0 if FULL else 20.0
MILLION = 1_000_000
MILLION_SECONDS = 300.0
RUNS = 10 if FULL else 5
RATE = 5_000.0
ASKING_SECONDS = 60.0 if FULL else 25.0


def main() -> None:
    """Measure, print, keep."""
    findings = Findings()
    with lumina() as running:
        asyncio.run(_lumina(running, findings))
    if PEERS:
        for name, package in (("mlflow", "mlflow"), ("phoenix", "arize_phoenix")):
            _peer(name, getattr(peers, name), findings)
            findings.versions[name] = peers.version(name, package)
    findings.overhead = overhead(RUNS, 2.0)
    print(findings.text())
    print(f"Kept in {findings.keep()}.")


async def _lumina(running: Running, findings: Findings) -> None:
    subject = Subject("lumina", {}, running.pid)
    headers = {"Authorization": f"Bearer {running.admin_key}"}
    doors = {name: Receiver(f"{running.control}/otlp/v1/{name}", headers) for name in ("traces", "logs", "metrics")}
    findings.add(await _intake(subject, "spans", doors["traces"], MILLION_SECONDS, MILLION))
    await findings.look(running)
    findings.sent, findings.asked = await ask_while_sending(running, doors["traces"], RATE, ASKING_SECONDS)
    for what, batches, door in (("logs", signals.logs(), "logs"), ("points", signals.points(), "metrics")):
        cpu = subject.cpu_seconds()
        sent = await flood(doors[door], batches, SECONDS / 2)
        findings.add(Intake("lumina", what, sent, subject.cpu_seconds() - cpu, subject.pss_mib()))


async def _intake(subject: Subject, what: str, door: Receiver, seconds: float, enough: float) -> Intake:
    cpu = subject.cpu_seconds()
    sent = await flood(door, Stream(), seconds, enough)
    return Intake(subject.name, what, sent, subject.cpu_seconds() - cpu, subject.pss_mib())


def _peer(name: str, start: Starting, findings: Findings) -> None:
    with tempfile.TemporaryDirectory(prefix="lumina-bench-", ignore_cleanup_errors=True) as folder:
        try:
            with start(Path(folder)) as (subject, door):
                findings.add(asyncio.run(_intake(subject, "spans", door, SECONDS, float("inf"))))
        except peers.Absent as error:
            print(f"{name} is NOT MEASURED: {error}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
