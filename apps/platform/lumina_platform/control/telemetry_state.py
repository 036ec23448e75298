"""Whether the telemetry process does its work: that it runs, as the supervisor sees it, is not enough."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Literal

from lumina_kit.parts import PartState, PartStatus
from lumina_telemetry.client import TelemetryClient
from lumina_telemetry.errors import TelemetryUnavailable

PART = "telemetry"
PATH = "/storing"
SECONDS = 1.0
KEPT_SECONDS = 2.0
State = PartState | Literal["not storing", "not answering"]


@dataclass
class TelemetryState:
    """Asked when somebody wants to know; an answer counts for `kept_seconds`, so that no caller keeps it busy."""

    client: TelemetryClient
    kept_seconds: float = KEPT_SECONDS
    _state: State = field(default="ready", init=False)
    _until: float = field(default=0.0, init=False)
    _asking: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    async def of(self, part: PartStatus) -> State:
        """The state of a part; of a telemetry process that runs, what it says itself."""
        return await self._told() if (part.name, part.state) == (PART, "ready") else part.state

    async def _told(self) -> State:
        async with self._asking:
            if time.monotonic() >= self._until:
                self._state = await self._asked()
                self._until = time.monotonic() + self.kept_seconds
            return self._state

    async def _asked(self) -> State:
        try:
            async with asyncio.timeout(SECONDS):
                reply = await self.client.get(PATH, seconds=SECONDS)
            return "ready" if reply.json()["storing"] else "not storing"
        except (TelemetryUnavailable, TimeoutError, ValueError, KeyError, TypeError):
            return "not answering"
