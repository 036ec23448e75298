"""The metrics of hosts and processes: OpenTelemetry's names where it has one, as Prometheus writes them.

The labels are those that the Collector's host metrics are known by (`state`, `device`, `mountpoint`, `direction`).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric


@dataclass(frozen=True)
class Kind:
    """One metric. `name` is dotted, as in the semantic conventions; `unit` is its UCUM unit."""

    name: str
    unit: str
    meaning: str
    labels: tuple[str, ...] = ()
    counter: bool = False

    @property
    def prometheus(self) -> str:
        """As Prometheus names it, a counter without its `_total`."""
        return self.name.replace(".", "_") + _SUFFIXES[self.unit]


@dataclass(frozen=True)
class Reading:
    """A value of a metric, with the values of its labels."""

    kind: Kind
    value: float
    labels: tuple[str, ...] = ()


_SUFFIXES = {"s": "_seconds", "By": "_bytes", "1": "_ratio", "": ""}
_DEVICE = ("device", "direction")
_MOUNT = ("device", "mountpoint", "type")
_GPU = ("hw_id", "hw_name")

CPU_TIME = Kind("system.cpu.time", "s", "Time that all CPUs together spent in a state.", ("state",), counter=True)
CPU_UTILIZATION = Kind("system.cpu.utilization", "1", "Share of the CPUs' time spent in a state.", ("state",))
CPU_COUNT = Kind("system.cpu.logical.count", "", "CPUs that the system schedules on.")
LOAD = Kind("system.cpu.load_average", "", "Processes that run or wait, averaged over so many minutes.", ("minutes",))
MEMORY = Kind("system.memory.usage", "By", "Memory by what it is used for.", ("state",))
MEMORY_LIMIT = Kind("system.memory.limit", "By", "Memory that the host has.")
MEMORY_UTILIZATION = Kind("system.memory.utilization", "1", "Share of the memory that is not available.", ("state",))
PAGING = Kind("system.paging.usage", "By", "Swap space.", ("state",))
FILESYSTEM = Kind("system.filesystem.usage", "By", "Space of a file system.", (*_MOUNT, "state"))
FILESYSTEM_UTILIZATION = Kind("system.filesystem.utilization", "1", "Share of the space that is used.", _MOUNT)
DISK_IO = Kind("system.disk.io", "By", "Bytes read and written.", _DEVICE, counter=True)
DISK_OPERATIONS = Kind("system.disk.operations", "", "Reads and writes.", _DEVICE, counter=True)
NETWORK_IO = Kind("system.network.io", "By", "Bytes received and transmitted.", _DEVICE, counter=True)
NETWORK_ERRORS = Kind("system.network.errors", "", "Failed receptions and transmissions.", _DEVICE, counter=True)

PROCESS_CPU = Kind("process.cpu.time", "s", "CPU time of a process.", ("part", "state"), counter=True)
PROCESS_UTILIZATION = Kind("process.cpu.utilization", "1", "Share of all CPUs' time that a process uses.", ("part",))
PROCESS_MEMORY = Kind("process.memory.usage", "By", "Resident memory of a process.", ("part",))
PROCESS_VIRTUAL = Kind("process.memory.virtual", "By", "Address space of a process.", ("part",))
PROCESS_THREADS = Kind("process.thread.count", "", "Threads of a process.", ("part",))
PROCESS_FILES = Kind("process.unix.file_descriptor.count", "", "Open files and sockets of a process.", ("part",))
PROCESS_IO = Kind("process.disk.io", "By", "Bytes that a process read and wrote.", ("part", "direction"), counter=True)
PROCESS_UPTIME = Kind("process.uptime", "s", "Time since a process began.", ("part",))
PROCESS_PSS = Kind(
    "lumina.process.memory.pss",
    "By",
    "Memory of a part's processes, shared pages divided among their users.",
    ("part",),
)
PART_UP = Kind("lumina.part.up", "", "1: the part serves, or is idle and starts when asked; else 0.", ("part",))
PART_RESTARTS = Kind("lumina.part.restarts", "", "Restarts after failures, since `lumina up`.", ("part",), counter=True)

GPU_UTILIZATION = Kind("hw.gpu.utilization", "1", "Share of the time that a GPU computes.", _GPU)
GPU_MEMORY = Kind("hw.gpu.memory.usage", "By", "Memory of a GPU in use.", _GPU)
GPU_MEMORY_LIMIT = Kind("hw.gpu.memory.limit", "By", "Memory that a GPU has.", _GPU)

KINDS: tuple[Kind, ...] = tuple(value for value in globals().values() if isinstance(value, Kind))


def families(readings: Iterable[Reading]) -> list[Metric]:
    """Readings as a Prometheus registry gives them, one family for each metric that was read."""
    found: dict[Kind, CounterMetricFamily | GaugeMetricFamily] = {}
    for reading in readings:
        kind = reading.kind
        if kind not in found:
            make = CounterMetricFamily if kind.counter else GaugeMetricFamily
            found[kind] = make(kind.prometheus, kind.meaning, labels=kind.labels)
        found[kind].add_metric(reading.labels, reading.value)
    return list(found.values())
