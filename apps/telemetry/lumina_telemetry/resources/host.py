"""What the host uses, as psutil tells it: the same on Linux and macOS, as far as each of them counts."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import psutil

from lumina_telemetry.resources import measured
from lumina_telemetry.resources.measured import Reading

MOST_DEVICES = 32
REMOTE = ("nfs", "cifs", "smb", "fuse.sshfs", "9p", "afs", "ceph", "glusterfs")
"""File systems that may keep one waiting; they are read only if the home is on one."""
PASSING = ("loop", "ram", "zram", "dm-")


class Mount(Protocol):
    """A mounted file system, as psutil tells of it."""

    @property
    def device(self) -> str: ...

    @property
    def mountpoint(self) -> str: ...

    @property
    def fstype(self) -> str: ...


class Host:
    """Reads the host. Shares of CPU time are those since the reading before."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._cpu: dict[str, float] = {}

    def read(self) -> Iterator[Reading]:
        for read in (self._cpu_times, _load, _memory, self._filesystems, _disks, _network):
            with contextlib.suppress(OSError, psutil.Error, AttributeError, RuntimeError):  # not counted on this system
                yield from list(read())

    def _cpu_times(self) -> Iterator[Reading]:
        times = psutil.cpu_times()
        # a guest's time is within that of `user` and `nice` already
        now = {state: value for state, value in times._asdict().items() if not state.startswith("guest")}
        spent = {state: max(0.0, value - self._cpu.get(state, value)) for state, value in now.items()}
        self._cpu, whole = now, sum(spent.values())
        yield Reading(measured.CPU_COUNT, psutil.cpu_count() or 1)
        yield from (Reading(measured.CPU_TIME, value, (state,)) for state, value in now.items())
        if whole:
            yield from (Reading(measured.CPU_UTILIZATION, value / whole, (state,)) for state, value in spent.items())

    def _filesystems(self) -> Iterator[Reading]:
        for mount in self._mounts():
            with contextlib.suppress(OSError):
                usage = psutil.disk_usage(mount.mountpoint)
                labels = (mount.device, mount.mountpoint, mount.fstype)
                yield Reading(measured.FILESYSTEM, usage.used, (*labels, "used"))
                yield Reading(measured.FILESYSTEM, usage.free, (*labels, "free"))
                yield Reading(measured.FILESYSTEM, max(0, usage.total - usage.used - usage.free), (*labels, "reserved"))
                yield Reading(measured.FILESYSTEM_UTILIZATION, usage.percent / 100, labels)

    def _mounts(self) -> list[Mount]:
        """That of the home, and each real device once."""
        home = os.path.realpath(self._home)
        every = [mount for mount in psutil.disk_partitions(all=True) if _holds(mount.mountpoint, home)]
        ours = max(every, key=lambda mount: len(mount.mountpoint), default=None)
        found = {ours.device: ours} if ours else {}
        for mount in sorted(psutil.disk_partitions(all=False), key=lambda mount: len(mount.mountpoint)):
            if not mount.fstype.startswith(REMOTE) and len(found) < MOST_DEVICES:
                found.setdefault(mount.device, mount)
        return list(found.values())


def _holds(mountpoint: str, path: str) -> bool:
    return path == mountpoint or path.startswith(mountpoint.rstrip("/") + "/")


def _load() -> Iterator[Reading]:
    for minutes, value in zip(("1", "5", "15"), psutil.getloadavg(), strict=True):
        yield Reading(measured.LOAD, value, (minutes,))


def _memory() -> Iterator[Reading]:
    memory, swap = psutil.virtual_memory(), psutil.swap_memory()
    states = {name: getattr(memory, name, None) for name in ("used", "free", "buffers", "cached")}
    yield from (Reading(measured.MEMORY, value, (name,)) for name, value in states.items() if value is not None)
    yield Reading(measured.MEMORY_LIMIT, memory.total)
    yield Reading(measured.MEMORY_UTILIZATION, (memory.total - memory.available) / memory.total, ("used",))
    yield Reading(measured.PAGING, swap.used, ("used",))
    yield Reading(measured.PAGING, swap.free, ("free",))


def _disks() -> Iterator[Reading]:
    every = psutil.disk_io_counters(perdisk=True) or {}
    real = [(name, counted) for name, counted in every.items() if not name.startswith(PASSING)]
    for name, counted in real[:MOST_DEVICES]:
        yield Reading(measured.DISK_IO, counted.read_bytes, (name, "read"))
        yield Reading(measured.DISK_IO, counted.write_bytes, (name, "write"))
        yield Reading(measured.DISK_OPERATIONS, counted.read_count, (name, "read"))
        yield Reading(measured.DISK_OPERATIONS, counted.write_count, (name, "write"))


def _network() -> Iterator[Reading]:
    for name, counted in list(psutil.net_io_counters(pernic=True).items())[:MOST_DEVICES]:
        yield Reading(measured.NETWORK_IO, counted.bytes_recv, (name, "receive"))
        yield Reading(measured.NETWORK_IO, counted.bytes_sent, (name, "transmit"))
        yield Reading(measured.NETWORK_ERRORS, counted.errin, (name, "receive"))
        yield Reading(measured.NETWORK_ERRORS, counted.errout, (name, "transmit"))
