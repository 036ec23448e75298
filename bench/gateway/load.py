"""One wrk run against a subject, and what it cost the subject."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from subjects import KEY, Subject, body

_UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3}
_SPARE_SECONDS = 30  # for wrk to start, and to end what is under way


@dataclass(frozen=True)
class Run:
    """Rates in requests per second, latencies in milliseconds. `failed` counts answers that were no 2xx, and errors."""

    rps: float
    p50_ms: float
    p99_ms: float
    per_cpu_second: float
    failed: int


def measure(subject: Subject, kind: str, connections: int, seconds: float, folder: Path) -> Run:
    """Load a subject for some seconds."""
    before = subject.cpu_seconds()
    text = _wrk(subject.url.format(kind=kind), _script(kind, folder), connections, seconds)
    requests = int(_number(r"(\d+) requests in", text))
    spent = subject.cpu_seconds() - before
    return Run(
        rps=_number(r"Requests/sec:\s+([\d.]+)", text),
        p50_ms=_milliseconds("50%", text),
        p99_ms=_milliseconds("99%", text),
        per_cpu_second=requests / spent if spent else 0.0,
        failed=sum(int(count) for count in re.findall(r"(?:Non-2xx[^:]*: |connect |read |write |timeout )(\d+)", text)),
    )


def _wrk(url: str, script: Path, connections: int, seconds: float) -> str:
    program = shutil.which("wrk")
    if program is None:
        raise SystemExit("wrk is not installed: apt install wrk")
    argv = [program, "-t1", f"-c{connections}", f"-d{seconds:g}s", "--latency", "-s", str(script), url]
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


def _milliseconds(percentile: str, text: str) -> float:
    match = re.search(rf"\s{percentile}\s+([\d.]+)(us|ms|s)", text)
    if match is None:
        raise SystemExit(f"wrk printed no {percentile}:\n{text}")
    return float(match[1]) * _UNITS[match[2]]
