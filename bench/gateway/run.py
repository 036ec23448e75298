"""What the gateway costs: nginx alone, a bare aiohttp pass-through, Lumina, and LiteLLM's proxy, interleaved.

    make bench NAME=gateway           about four minutes
    FULL=1 make bench NAME=gateway    ten seconds a run, about 25 minutes
    PEERS=0 make bench NAME=gateway   without LiteLLM

Lumina checks a key, holds requests, tokens and budget of the key and of its project against limits, keeps a breaker and
active probes on each backend, and exports a span of every request. SECONDS and RUNS set other sizes.
"""

import os
import tempfile
from pathlib import Path

from bench.gateway import litellm_proxy, table
from bench.gateway.asked import KINDS
from bench.gateway.load import measure
from bench.gateway.processes import Subject
from bench.gateway.results import Results, keep
from bench.gateway.subjects import subjects

CLIENTS = (1, 64)
RUNS = int(os.environ.get("RUNS", "5"))
SECONDS = {"plain": 2.0, "stream": 1.0, "paced": 1.5}
if given := os.environ.get("SECONDS", "10" if os.environ.get("FULL") else ""):
    SECONDS = dict.fromkeys(KINDS, float(given))
PEERS = os.environ.get("PEERS", "1") != "0"


def main() -> None:
    """Measure, print, keep."""
    results = Results(SECONDS, RUNS)
    with tempfile.TemporaryDirectory(prefix="lumina-bench-", ignore_cleanup_errors=True) as folder:
        root = Path(folder)
        root.chmod(0o755)  # nginx's worker may be another user
        with subjects(root, peers=PEERS) as measured:
            _run_all(measured, root, results)
            results.pss_mib = {subject.name: round(subject.pss_mib(), 1) for subject in measured}
            if any(subject.name == "litellm" for subject in measured):
                results.peer = litellm_proxy.version()
    shown = table.text(results)
    print(shown)
    print(f"Kept in {keep(results, shown)}.")


def _run_all(measured: tuple[Subject, ...], folder: Path, results: Results) -> None:
    for kind in KINDS:
        for clients in CLIENTS:
            for _ in range(RUNS):
                for subject in measured:
                    run = measure(subject, kind, clients, SECONDS[kind], folder)
                    results.add(kind, clients, subject.name, run)


if __name__ == "__main__":
    main()
