"""What tracing costs the gateway: requests per CPU-second of its process with telemetry on, and with it off."""

import contextlib
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from bench.gateway import lumina
from bench.gateway.asked import KEY, body
from bench.gateway.load import measure
from bench.gateway.processes import Subject, await_answers, running
from bench.gateway.stubs import Stubs, stubs
from bench.gateway.subjects import PATH, python

CLIENTS = 64
_SOCKET_SECONDS = 30.0


@dataclass
class Overhead:
    """Requests per CPU-second of the gateway's process, run by run, on and off in turn."""

    on: list[float] = field(default_factory=list)
    off: list[float] = field(default_factory=list)
    failed: int = 0

    @property
    def ratio(self) -> float:
        return median(self.on) / median(self.off) if self.off else 0.0


def overhead(runs: int, seconds: float) -> Overhead:
    """Measure both, interleaved; with telemetry on, the telemetry process stores what comes."""
    found = Overhead()
    with tempfile.TemporaryDirectory(prefix="lumina-bench-", ignore_cleanup_errors=True) as folder:
        root = Path(folder)
        root.chmod(0o755)  # nginx's worker may be another user
        with _subjects(root) as (on, off):
            for _ in range(runs):
                for subject, taken in ((on, found.on), (off, found.off)):
                    run = measure(subject, "plain", CLIENTS, seconds, root)
                    taken.append(run.per_cpu_second)
                    found.failed += run.failed
    return found


@contextlib.contextmanager
def _subjects(root: Path) -> Iterator[tuple[Subject, Subject]]:
    with contextlib.ExitStack() as stack:
        backends = stack.enter_context(stubs(root))
        on, off = (_gateway(stack, root / name, backends, told=name == "on") for name in ("on", "off"))
        for subject in (on, off):
            await_answers(subject, {"plain": body("plain")}, KEY)
        yield on, off


def _gateway(stack: contextlib.ExitStack, folder: Path, backends: Stubs, *, told: bool) -> Subject:
    folder.mkdir()
    environment = lumina.environment(folder, backends)
    del environment["OTEL_EXPORTER_OTLP_ENDPOINT"]
    if told:
        socket = folder / "telemetry.sock"
        stack.enter_context(running([sys.executable, "-m", "lumina_telemetry.process"], environment))
        _await(socket)
        environment["LUMINA_TELEMETRY_SOCKET"] = str(socket)
    port, pid = python(stack, ["-m", "lumina_inference.gateway"], environment, folder)
    return Subject(folder.name, {"plain": f"http://127.0.0.1:{port}/{PATH}"}, pid)


def _await(socket: Path) -> None:
    deadline = time.monotonic() + _SOCKET_SECONDS
    while not socket.exists():
        if time.monotonic() > deadline:
            raise TimeoutError(f"the telemetry process did not open {socket} within {_SOCKET_SECONDS:g} s")
        time.sleep(0.05)
