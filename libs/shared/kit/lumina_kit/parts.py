"""Lumina's processes as seen from one of them: asks the supervisor over its control socket. Standard library only."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from lumina_kit.errors import Unavailable

PartState = Literal["starting", "ready", "idle", "stopped", "failed"]
SOCKET_NAME = "supervisor.sock"
START_SECONDS = 60.0
_ANSWER_BYTES = 1 << 20


class SupervisorUnreachable(Unavailable):
    code = "supervisor_unreachable"
    title = "The supervisor does not answer"


class PartUnavailable(Unavailable):
    code = "part_unavailable"
    title = "A part of Lumina is not available"


@dataclass(frozen=True)
class PartStatus:
    """One process of Lumina: `since` is when it took its state, `pss_bytes` its share of memory where it is known."""

    name: str
    state: PartState
    pid: int | None
    restarts: int
    since: datetime
    pss_bytes: int | None

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Self:
        return cls(
            name=str(fields["name"]),
            state=fields["state"],
            pid=fields["pid"],
            restarts=int(fields["restarts"]),
            since=datetime.fromisoformat(fields["since"]),
            pss_bytes=fields["pss_bytes"],
        )

    def to_json(self) -> dict[str, str | int | None]:
        return {**self.__dict__, "since": self.since.isoformat()}


@dataclass(frozen=True)
class PartsClient:
    """Starts, stops and lists parts. Raises SupervisorUnreachable, or PartUnavailable with the supervisor's reason."""

    run_dir: Path
    answer_seconds: ClassVar[float] = 15.0

    async def start(self, name: str) -> None:
        """Start a part unless it runs, and wait until it is ready: 60 s at most."""
        await self._ask({"op": "start", "part": name}, START_SECONDS + 5)

    async def stop(self, name: str) -> None:
        """Stop a part and wait until it has exited."""
        await self._ask({"op": "stop", "part": name}, self.answer_seconds)

    async def restart(self, name: str) -> None:
        """Stop a part, start it again and wait until it is ready."""
        await self._ask({"op": "restart", "part": name}, START_SECONDS + self.answer_seconds)

    async def status(self) -> list[PartStatus]:
        """Every part, in the order in which they start."""
        answer = await self._ask({"op": "status"}, self.answer_seconds)
        return [PartStatus.from_json(part) for part in answer["parts"]]

    async def _ask(self, request: Mapping[str, str], seconds: float) -> dict[str, Any]:
        try:
            async with asyncio.timeout(seconds):
                answer = json.loads(await self._exchange(json.dumps(request).encode() + b"\n"))
        except TimeoutError:
            raise SupervisorUnreachable(
                f"The supervisor did not answer {' '.join(request.values())!r} within {seconds:.0f} s.",
                next_step="Its log says what it waits for.",
            ) from None
        except (OSError, ValueError) as error:
            raise SupervisorUnreachable(
                f"The supervisor does not answer on {self.run_dir / SOCKET_NAME}: {error}.",
                next_step="Start Lumina with `lumina up`.",
            ) from None
        if not answer["ok"]:
            raise PartUnavailable(answer["error"])
        return dict(answer)

    async def _exchange(self, request: bytes) -> bytes:
        reader, writer = await asyncio.open_unix_connection(self.run_dir / SOCKET_NAME, limit=_ANSWER_BYTES)
        try:
            writer.write(request)
            await writer.drain()
            return await reader.readline()
        finally:
            writer.close()
