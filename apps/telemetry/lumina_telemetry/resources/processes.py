"""What each of Lumina's processes uses. The supervisor tells which there are."""

import contextlib
import time
from collections.abc import Iterator, Sequence

import psutil

from lumina_kit.parts import PartStatus
from lumina_telemetry.resources import measured
from lumina_telemetry.resources.measured import Reading

SERVES = ("ready", "idle")
_CPUS = psutil.cpu_count() or 1


class Processes:
    """Reads the processes of parts. Shares of CPU time are those since the reading before."""

    def __init__(self) -> None:
        self._known: dict[int, psutil.Process] = {}
        self._cpu: dict[int, tuple[float, float]] = {}

    def read(self, parts: Sequence[PartStatus]) -> Iterator[Reading]:
        running = {part.pid for part in parts}
        self._known = {pid: process for pid, process in self._known.items() if pid in running}
        self._cpu = {pid: spent for pid, spent in self._cpu.items() if pid in running}
        for part in parts:
            yield Reading(measured.PART_UP, part.state in SERVES, (part.name,))
            yield Reading(measured.PART_RESTARTS, part.restarts, (part.name,))
            if part.pss_bytes is not None:
                yield Reading(measured.PROCESS_PSS, part.pss_bytes, (part.name,))
            if part.pid is not None:
                with contextlib.suppress(psutil.Error, OSError):  # it has ended meanwhile, or is not ours to see
                    yield from self._of(part.name, part.pid)

    def _of(self, part: str, pid: int) -> Iterator[Reading]:
        process = self._known.setdefault(pid, psutil.Process(pid))
        with process.oneshot():
            yield from self._cpu_of(part, pid, process)
            memory = process.memory_info()
            yield Reading(measured.PROCESS_MEMORY, memory.rss, (part,))
            yield Reading(measured.PROCESS_VIRTUAL, memory.vms, (part,))
            yield Reading(measured.PROCESS_THREADS, process.num_threads(), (part,))
            yield Reading(measured.PROCESS_UPTIME, max(0.0, time.time() - process.create_time()), (part,))
            yield Reading(measured.PROCESS_FILES, process.num_fds(), (part,))
        yield from _io(part, process)

    def _cpu_of(self, part: str, pid: int, process: psutil.Process) -> Iterator[Reading]:
        spent, now = process.cpu_times(), time.monotonic()
        yield Reading(measured.PROCESS_CPU, spent.user, (part, "user"))
        yield Reading(measured.PROCESS_CPU, spent.system, (part, "system"))
        whole = spent.user + spent.system
        before, at = self._cpu.get(pid, (whole, now))
        if now > at:
            yield Reading(measured.PROCESS_UTILIZATION, max(0.0, whole - before) / (now - at) / _CPUS, (part,))
        self._cpu[pid] = whole, now


def _io(part: str, process: psutil.Process) -> Iterator[Reading]:
    if hasattr(process, "io_counters"):  # not on macOS
        counted = process.io_counters()
        yield Reading(measured.PROCESS_IO, counted.read_bytes, (part, "read"))
        yield Reading(measured.PROCESS_IO, counted.write_bytes, (part, "write"))
