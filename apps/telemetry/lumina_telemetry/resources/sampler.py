"""Samples the host and the processes every ten seconds, in a thread, and shows the last sample in a registry."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from lumina_kit import logs
from lumina_kit.errors import Unavailable
from lumina_kit.parts import PartStatus
from lumina_telemetry.resources.gpus import Gpus, nvml
from lumina_telemetry.resources.host import Host
from lumina_telemetry.resources.measured import families
from lumina_telemetry.resources.processes import Processes

SECONDS = 10.0
Parts = Callable[[], Awaitable[Sequence[PartStatus]]]
_log = logs.get(__name__)


class Resources(Collector):
    """`parts` asks the supervisor; while it does not answer, the host alone is told of."""

    def __init__(
        self, home: Path, parts: Parts, registry: CollectorRegistry, gpus: Gpus | None = None, seconds: float = SECONDS
    ) -> None:
        self._parts = parts
        self._seconds = seconds
        self._host = Host(home)
        self._processes = Processes()
        self._gpus = gpus
        self._last: list[Metric] = []
        registry.register(self)

    def collect(self) -> Iterable[Metric]:
        return self._last

    async def run(self) -> None:
        """Sample until cancelled. One that fails is told in the log, and the next one is tried."""
        while True:
            try:
                await self.sample()
            except Exception as error:  # noqa: BLE001 - a strange host must not end the telemetry of all else
                _log.warning("resources were not read", exc_info=error)
            await asyncio.sleep(self._seconds)

    async def sample(self) -> None:
        """Read everything once."""
        parts = await self._known_parts()
        self._last = await asyncio.to_thread(self._read, parts)

    async def _known_parts(self) -> Sequence[PartStatus]:
        try:
            return await self._parts()
        except Unavailable:
            return []

    def _read(self, parts: Sequence[PartStatus]) -> list[Metric]:
        if self._gpus is None:
            self._gpus = Gpus(nvml())
        return families([*self._host.read(), *self._processes.read(parts), *self._gpus.read()])
