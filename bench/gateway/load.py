"""One run of load against a subject, and its cost: wrk for whole answers, a client of our own for streams."""

import json
import re
import shutil
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from bench.gateway.asked import KEY, body
from bench.gateway.processes import Subject
from bench.gateway.stubs import ROOT

_UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3}
_SPARE_SECONDS = 30  # for a client to start, and to end what is under way


@dataclass(frozen=True)
class Run:
    """`rate`: answers, or for streams events, in a second; the times are to the answer, or to the first token.

    `per_cpu_second`: answers or events for each second of the subject's CPU time, 0 if it used none. `failed` counts
    answers that were no 2xx, which are not in the rates, and errors.
    """

    rate: float
    p50_ms: float
    p99_ms: float
    per_cpu_second: float
    failed: int


def measure(subject: Subject, kind: str, clients: int, seconds: float, folder: Path) -> Run:
    """Load a subject for some seconds, and wait until it has nothing left to do."""
    measured = _whole if kind == "plain" else _streamed
    run = measured(subject, kind, clients, seconds, folder)
    subject.settle()
    return run


def _whole(subject: Subject, kind: str, clients: int, seconds: float, folder: Path) -> Run:
    before = subject.cpu_seconds()
    text = _wrk(subject.urls[kind], _script(kind, folder), clients, seconds)
    spent = subject.cpu_seconds() - before
    asked, refused = _number(r"(\d+) requests in", text), _counted(r"Non-2xx[^:]*: (\d+)", text)
    good = (asked - refused) / asked if asked else 0.0
    return Run(
        rate=_number(r"Requests/sec:\s+([\d.]+)", text) * good,
        p50_ms=_milliseconds("50%", text),
        p99_ms=_milliseconds("99%", text),
        per_cpu_second=(asked - refused) / spent if spent else 0.0,
        failed=refused + _counted(r"(?:connect|read|write|timeout) (\d+)", text),
    )


def _streamed(subject: Subject, kind: str, clients: int, seconds: float, _: Path) -> Run:
    before = subject.cpu_seconds()
    argv = [sys.executable, "-m", "tools.drills.streamload", subject.urls[kind], KEY, kind, str(clients), str(seconds)]
    limit = seconds + _SPARE_SECONDS
    told = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True, timeout=limit).stdout
    spent = subject.cpu_seconds() - before
    tally = json.loads(told)
    first_ms = sorted(tally["first_ms"]) or [0.0]
    return Run(
        rate=tally["events"] / seconds,
        p50_ms=statistics.median(first_ms),
        p99_ms=first_ms[min(len(first_ms) - 1, int(len(first_ms) * 0.99))],
        per_cpu_second=tally["all_events"] / spent if spent else 0.0,
        failed=tally["failed"],
    )


def _wrk(url: str, script: Path, clients: int, seconds: float) -> str:
    program = shutil.which("wrk")
    if program is None:
        raise SystemExit("wrk is not installed: apt install wrk")
    whole = f"-d{max(1, round(seconds))}s"  # wrk takes no fractions
    argv = [program, "-t1", f"-c{clients}", whole, "--timeout", "30s", "--latency", "-s", str(script), url]
    return subprocess.run(argv, capture_output=True, text=True, check=True, timeout=seconds + _SPARE_SECONDS).stdout


def _script(kind: str, folder: Path) -> Path:
    file = folder / f"{kind}.lua"
    lines = [
        'wrk.method = "POST"',
        f"wrk.body = [==[{body(kind).decode()}]==]",
        'wrk.headers["Content-Type"] = "application/json"',
        f'wrk.headers["Authorization"] = "Bearer {KEY}"',
    ]
    file.write_text("\n".join(lines))
    return file


def _number(pattern: str, text: str) -> float:
    match = re.search(pattern, text)
    if match is None:
        raise SystemExit(f"wrk printed no {pattern}:\n{text}")
    return float(match[1])


def _counted(pattern: str, text: str) -> int:
    return sum(int(count) for count in re.findall(pattern, text))


def _milliseconds(percentile: str, text: str) -> float:
    match = re.search(rf"\s{percentile}\s+([\d.]+)(us|ms|s)", text)
    if match is None:
        raise SystemExit(f"wrk printed no {percentile}:\n{text}")
    return float(match[1]) * _UNITS[match[2]]
