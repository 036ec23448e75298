"""Whether the control plane can serve, and in which state the parts are."""

import asyncio
from dataclasses import dataclass, field
from typing import Literal

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from lumina_kit.database import Database
from lumina_kit.errors import Unavailable
from lumina_kit.parts import PartsClient
from lumina_platform.control.telemetry_state import TelemetryState

CHECK_SECONDS = 2.0
FINE = frozenset({"ready", "idle"})
Status = Literal["starting", "ready", "degraded"]


@dataclass
class Readiness:
    """Asked by `/readyz`. Without a database nothing can be served; without another part, most things can.

    `parts` is None where no supervisor keeps processes, as under `make serve`.
    """

    database: Database
    parts: PartsClient | None
    telemetry: TelemetryState
    ready: asyncio.Event = field(default_factory=asyncio.Event)

    async def states(self) -> dict[str, str]:
        """The state of the database, and of every process that the supervisor keeps."""
        if not self.ready.is_set():
            return {"control": "starting"}
        return {"database": await self._database(), **await self._processes()}

    async def _database(self) -> str:
        try:
            async with asyncio.timeout(CHECK_SECONDS), self.database.engine.connect() as connection:
                await connection.execute(text("SELECT 1"))
        except (SQLAlchemyError, OSError, TimeoutError):
            return "failed"
        return "ready"

    async def _processes(self) -> dict[str, str]:
        if self.parts is None:
            return {}
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                found = [part for part in await self.parts.status() if part.name != "control"]
        except (Unavailable, TimeoutError):
            return {"supervisor": "failed"}
        return {part.name: await self.telemetry.of(part) for part in found}


def judged(states: dict[str, str]) -> Status:
    """One word for all of them."""
    if "control" in states:
        return "starting"
    return "ready" if FINE.issuperset(states.values()) else "degraded"


def can_serve(states: dict[str, str]) -> bool:
    return states.get("database") == "ready"
