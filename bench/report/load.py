"""Three kinds of callers at fixed rates, whatever the gateway answers; every request's times are kept."""

import asyncio
import time
from dataclasses import dataclass, field

from tools.drills import wire
from tools.drills.client import Client

_TICK_SECONDS = 0.01


@dataclass(frozen=True)
class Kind:
    """What is asked, how often, and what the provider needs for it, in milliseconds."""

    name: str
    stream: bool
    per_second: float
    first_ms: int
    gap_ms: int
    tokens: int

    @property
    def options(self) -> dict[str, int]:
        """As the drills' provider takes them."""
        return {"first": self.first_ms, "gap": self.gap_ms, "tokens": self.tokens}


KINDS = (
    Kind("instant", False, 200.0, 0, 0, 20),
    Kind("whole", False, 50.0, 120, 0, 60),
    Kind("streamed", True, 20.0, 150, 15, 60),
)


@dataclass
class Heard:
    """Seconds of each whole answer, seconds to its first byte, and how many failed."""

    seconds: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    failed: int = 0


async def load(gateway: str, key: str, seconds: float) -> dict[str, Heard]:
    """All kinds at once, for so long; what each heard, by its name."""
    heard = {kind.name: Heard() for kind in KINDS}
    await asyncio.gather(*(_callers(gateway, key, kind, seconds, heard[kind.name]) for kind in KINDS))
    return heard


async def _callers(gateway: str, key: str, kind: Kind, seconds: float, heard: Heard) -> None:
    client, request = Client(f"{gateway}/v1"), wire.request(key, kind.name, stream=kind.stream)
    text = " ".join(wire.words(kind.tokens))
    began, asked = time.monotonic(), 0
    async with asyncio.TaskGroup() as tasks:
        while time.monotonic() - began < seconds:
            due = int((time.monotonic() - began) * kind.per_second) - asked
            for _ in range(due):
                tasks.create_task(_ask(client, request, text, heard))
            asked += due
            await asyncio.sleep(_TICK_SECONDS)
    client.close()


async def _ask(client: Client, request: bytes, text: str, heard: Heard) -> None:
    answer = await client.ask(request)
    if answer.outcome(text) != "answered":
        heard.failed += 1
        return
    heard.seconds.append(answer.seconds)
    if answer.first is not None:
        heard.first.append(answer.first - answer.sent)
