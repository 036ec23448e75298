"""GPUs: NVIDIA's through NVML where its Python package is installed, AMD's through the kernel's files."""

import contextlib
import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lumina_telemetry.resources import measured
from lumina_telemetry.resources.measured import Kind, Reading

CARDS = Path("/sys/class/drm")
MOST = 64


def nvml() -> Any | None:
    """NVIDIA's library, ready to be asked; None where there is no driver, or the package pynvml is not installed."""
    with contextlib.suppress(Exception):  # the library has errors of its own, and the driver may be half there
        library = importlib.import_module("pynvml")
        library.nvmlInit()
        return library
    return None


class Gpus:
    """Reads all GPUs; none where there is none."""

    def __init__(self, library: Any | None, cards: Path = CARDS) -> None:
        self._nvml = library
        self._cards = sorted(path.parent for path in cards.glob("card*/device/gpu_busy_percent"))[:MOST]

    def read(self) -> Iterator[Reading]:
        with contextlib.suppress(Exception):  # a driver that was removed, or a card that fell off the bus
            yield from list(self._nvidia())
        for card in self._cards:
            with contextlib.suppress(OSError, ValueError):
                yield from list(_amd(card))

    def _nvidia(self) -> Iterator[Reading]:
        if self._nvml is None:
            return
        for number in range(min(self._nvml.nvmlDeviceGetCount(), MOST)):
            device = self._nvml.nvmlDeviceGetHandleByIndex(number)
            name = self._nvml.nvmlDeviceGetName(device)
            labels = (str(number), name.decode() if isinstance(name, bytes) else str(name))
            memory = self._nvml.nvmlDeviceGetMemoryInfo(device)
            busy = self._nvml.nvmlDeviceGetUtilizationRates(device).gpu
            yield from _readings(labels, busy / 100, memory.used, memory.total)


def _amd(card: Path) -> Iterator[Reading]:
    def number(name: str) -> float:
        return float((card / name).read_text())

    labels = (card.parent.name, "amd")
    busy = number("gpu_busy_percent") / 100
    yield from _readings(labels, busy, number("mem_info_vram_used"), number("mem_info_vram_total"))


def _readings(labels: tuple[str, str], busy: float, used: float, total: float) -> Iterator[Reading]:
    values: dict[Kind, float] = {
        measured.GPU_UTILIZATION: busy,
        measured.GPU_MEMORY: used,
        measured.GPU_MEMORY_LIMIT: total,
    }
    yield from (Reading(kind, value, labels) for kind, value in values.items())
