"""The measurements as they are kept, and what is read from them."""

import json
import os
import platform
import statistics
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bench.gateway.load import Run
from bench.gateway.stubs import ROOT
from tools.drills import kept


@dataclass
class Results:
    """Runs by kind, clients and subject; memory by subject; the sizes of the measurement."""

    seconds: dict[str, float]
    repeats: int
    runs: dict[tuple[str, int, str], list[Run]] = field(default_factory=dict)
    pss_mib: dict[str, float] = field(default_factory=dict)
    peer: str = ""

    def add(self, kind: str, clients: int, subject: str, run: Run) -> None:
        self.runs.setdefault((kind, clients, subject), []).append(run)

    def median(self, kind: str, clients: int, subject: str, read: Callable[[Run], float]) -> float:
        return statistics.median(read(run) for run in self.runs[kind, clients, subject])

    def added_ms(self, kind: str, clients: int, subject: str) -> float:
        """What the subject adds to the median time of the stub."""
        own = self.median(kind, clients, subject, p50)
        return own - self.median(kind, clients, "direct", p50)

    def has(self, subject: str) -> bool:
        return any(name == subject for _, _, name in self.runs)


def p50(run: Run) -> float:
    return run.p50_ms


def p99(run: Run) -> float:
    return run.p99_ms


def rate(run: Run) -> float:
    return run.rate


def per_cpu(run: Run) -> float:
    return run.per_cpu_second


def keep(results: Results, table: str) -> Path:
    """Write the raw runs as JSON and the table beside them as Markdown."""
    rows = [
        {"kind": kind, "clients": clients, "subject": name, "runs": [asdict(run) for run in runs]}
        for (kind, clients, name), runs in results.runs.items()
    ]
    content = {"seconds": results.seconds, "litellm": results.peer, "machine": _machine(), "pss_mib": results.pss_mib}
    file = ROOT / kept.keep("gateway", content | {"rows": rows})
    head = json.loads(file.read_text())
    title = f"# bench/gateway, {head['date']}, commit {head['commit']}"
    file.with_suffix(".md").write_text(f"{title}\n\n```text\n{table}\n```\n")
    return file


def _machine() -> dict[str, object]:
    return {
        "cpus": os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "load_average": os.getloadavg(),  # ours is about two; more means that others were at work
    }
