"""What a gateway's process holds, sampled while it is under load, and whether that grows."""

import asyncio
import re
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.drills.world import asked
from tools.running import Running

GAUGES = ("in_flight", "connections", "tasks", "reservations")
_GAUGE = re.compile(r"^lumina_gateway_(\w+)(?:\{[^}]*\})? ([0-9.e+]+)$", re.MULTILINE)


@dataclass(frozen=True)
class Sample:
    """`pss_kib` and `rss_kib` of the process, its `sockets`, and the gauges that it shows of itself."""

    at: float
    pss_kib: int
    rss_kib: int
    sockets: int
    gauges: dict[str, float]


async def sample(running: Running, pid: int) -> Sample:
    """Raises OSError when the process is gone."""
    text = await asked(running, "GET", "/metrics", plane="gateway")
    memory = _memory_kib(pid)
    gauges: dict[str, float] = {}
    for name, value in _GAUGE.findall(text):
        gauges[name] = gauges.get(name, 0.0) + float(value)
    return Sample(time.monotonic(), memory["Pss"], memory["Rss"], _sockets(pid), gauges)


async def until_idle(running: Running, pid: int, seconds: float) -> Sample:
    """The first sample that shows nothing in flight and no connection but its own, or the last one."""
    deadline = time.monotonic() + seconds
    while True:
        found = await sample(running, pid)
        held = (found.gauges.get(name, 0) for name in ("in_flight", "reservations"))
        busy = any(held) or found.gauges.get("connections", 0) > 1
        if not busy or time.monotonic() > deadline:
            return found
        await asyncio.sleep(0.5)


def growth(values: Sequence[float]) -> float:
    """How much the last quarter's median is above the first quarter's, as a share of it."""
    quarter = max(1, len(values) // 4)
    first, last = statistics.median(values[:quarter]), statistics.median(values[-quarter:])
    return (last - first) / first if first else last


def pss_kib(pid: int) -> int:
    """Memory of a process, with its share of what it shares."""
    return _memory_kib(pid)["Pss"]


def _memory_kib(pid: int) -> dict[str, int]:
    fields = (line.split() for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
    return {words[0].rstrip(":"): int(words[1]) for words in fields if len(words) == 3}


def _sockets(pid: int) -> int:
    found = 0
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found += str(link.readlink()).startswith("socket:")
        except FileNotFoundError:
            continue  # closed while we looked
    return found
