"""All parts together: started side by side, stopped in waves, and the answers to requests about them."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from lumina_kit.clock import utc_now
from lumina_kit.parts import PartStatus, PartUnavailable
from lumina_platform.supervisor.memory import pss_bytes
from lumina_platform.supervisor.part import Part

Answer = dict[str, object]
Wave = Enum("Wave", "PUBLIC INNER OBSERVER")


@dataclass
class Fleet:
    """The parts in the order in which they start."""

    parts: Sequence[Part]
    since: datetime = field(default_factory=utc_now)
    stopping: bool = field(default=False, init=False)

    async def start(self, seconds: float) -> None:
        """Start all but the on-demand parts, and return when they can serve. Raises PartUnavailable."""
        wanted = [part for part in self.parts if not part.plan.on_demand]
        await asyncio.gather(*(part.begin() if part.plan.observer else part.start(seconds) for part in wanted))

    async def stop(self) -> None:
        """Stop everything: each wave may need those after it until it ends."""
        self.stopping = True
        for wave in (Wave.PUBLIC, Wave.INNER, Wave.OBSERVER):
            await asyncio.gather(*(part.stop() for part in self.parts if _wave(part) is wave))

    def hurry(self) -> None:
        """End everything by force now."""
        for part in self.parts:
            part.kill()

    def status(self) -> list[PartStatus]:
        own = PartStatus("supervisor", "ready", os.getpid(), 0, self.since, pss_bytes(os.getpid(), below=False))
        return [own, *(part.status() for part in self.parts)]

    async def answer(self, request: Mapping[str, object]) -> Answer:
        """The answer to one request of the control socket."""
        operation = request.get("op")
        if operation == "status":
            return {"ok": True, "parts": [status.to_json() for status in self.status()]}
        if operation not in ("start", "stop", "restart"):
            return _refusal(f"There is no operation {operation!r}; known: status, start, stop, restart.")
        part = next((part for part in self.parts if part.plan.name == request.get("part")), None)
        if part is None:
            names = ", ".join(part.plan.name for part in self.parts)
            return _refusal(f"There is no part {request.get('part')!r}; known: {names}.")
        return await self._done(str(operation), part)

    async def _done(self, operation: str, part: Part) -> Answer:
        if self.stopping:
            return _refusal("Lumina is stopping.")
        try:
            if operation in ("stop", "restart"):
                await part.stop()
            if operation in ("start", "restart"):
                await part.start()
        except PartUnavailable as error:
            return _refusal(error.message)
        return {"ok": True}


def _wave(part: Part) -> Wave:
    if part.plan.observer:
        return Wave.OBSERVER
    return Wave.INNER if part.plan.listen is None else Wave.PUBLIC


def _refusal(error: str) -> Answer:
    return {"ok": False, "error": error}
