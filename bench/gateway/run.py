"""How much the gateway costs: direct, a bare aiohttp pass-through, and Lumina, interleaved, with wrk on an nginx stub.

    python bench/gateway/run.py            a few seconds each
    FULL=1 python bench/gateway/run.py     ten seconds each

Lumina checks a key, follows a fixed snapshot, and exports a span of every request.
"""

import json
import os
import platform
import statistics
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from load import Run, measure
from subjects import KINDS, Subject, running

CONNECTIONS = (1, 64)
RUNS = int(os.environ.get("RUNS", "5"))
SECONDS = float(os.environ.get("SECONDS", "10" if os.environ.get("FULL") else "2"))
RESULTS = Path(__file__).parents[1] / "results"

Results = dict[tuple[str, int, str], list[Run]]


def main() -> None:
    """Measure, print, keep."""
    with tempfile.TemporaryDirectory(prefix="lumina-bench-") as folder:
        root = Path(folder)
        root.chmod(0o755)  # nginx's worker may be another user
        with running(root) as subjects:
            results = _all_runs(subjects, root)
            memory = {subject.name: round(subject.pss_mib(), 1) for subject in subjects}
    _print(results, memory)
    _keep(results, memory)


def _all_runs(subjects: tuple[Subject, ...], folder: Path) -> Results:
    results: Results = {}
    for kind in KINDS:
        for connections in CONNECTIONS:
            for _ in range(RUNS):
                for subject in subjects:
                    run = measure(subject, kind, connections, SECONDS, folder)
                    results.setdefault((kind, connections, subject.name), []).append(run)
    return results


def _print(results: Results, memory: dict[str, float]) -> None:
    print(f"{'':>24}{'rps':>9}{'of bare':>9}{'p50 ms':>9}{'of bare':>9}{'p99 ms':>9}{'per CPU-s':>11}{'failed':>8}")
    for (kind, connections, name), runs in results.items():
        bare = results[kind, connections, "pass-through"]
        label = f"{kind} c={connections} {name}"
        print(
            f"{label:>24}"
            f"{_median(runs, _rps):9.0f}{_median(runs, _rps) / _median(bare, _rps):9.2f}"
            f"{_median(runs, _p50):9.2f}{_median(runs, _p50) / _median(bare, _p50):9.2f}"
            f"{_median(runs, lambda run: run.p99_ms):9.2f}"
            f"{_median(runs, lambda run: run.per_cpu_second):11.0f}{sum(run.failed for run in runs):8}"
        )
    print("Memory after the load (PSS, MiB): " + ", ".join(f"{name} {size}" for name, size in memory.items()))
    print(f"Medians of {RUNS} interleaved runs of {SECONDS:g} s.")


def _rps(run: Run) -> float:
    return run.rps


def _p50(run: Run) -> float:
    return run.p50_ms


def _median(runs: list[Run], read: Callable[[Run], float]) -> float:
    return statistics.median(read(run) for run in runs)


def _keep(results: Results, memory: dict[str, float]) -> None:
    RESULTS.mkdir(exist_ok=True)
    now = datetime.now(UTC)
    rows = [
        {"kind": kind, "connections": connections, "subject": name, "runs": [asdict(run) for run in runs]}
        for (kind, connections, name), runs in results.items()
    ]
    machine: dict[str, object] = {"cpus": os.cpu_count(), "machine": platform.machine()}
    machine["python"] = platform.python_version()
    machine["load_average"] = os.getloadavg()  # ours is about two; more means that others were at work
    kept = {"date": now.isoformat(timespec="seconds"), "commit": _commit(), "seconds": SECONDS, "machine": machine}
    file = RESULTS / f"gateway-{now:%Y%m%dT%H%M%SZ}.json"
    file.write_text(json.dumps(kept | {"pss_mib": memory, "rows": rows}, indent=1) + "\n")
    print(f"Kept in {file}.")


def _commit() -> str:
    asked = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=RESULTS.parent)
    return asked.stdout.strip() or "unknown"


if __name__ == "__main__":
    main()
