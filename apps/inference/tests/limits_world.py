"""A limiter under test: callers with limits, a clock that is set by hand, and a store in a folder of its own."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lumina_contracts.snapshot import UNLIMITED, KeyEntry, Limits
from lumina_inference.gateway.index import Caller
from lumina_inference.gateway.limits import Estimate, Limiter, LocalStore, Store

NOON = datetime(2026, 11, 20, 12, 0, 5, tzinfo=UTC)
FLUSH_SECONDS = 0.02


@dataclass
class SetClock:
    """A clock that stands still."""

    time: datetime = NOON

    def __call__(self) -> datetime:
        return self.time

    def move(self, **by: float) -> None:
        self.time += timedelta(**by)


def caller(limits: Limits = UNLIMITED, project: Limits = UNLIMITED, key: str = "k") -> Caller:
    return Caller(KeyEntry(id=key, sha256=key, project_id="p", limits=limits), b"", project)


def cost(nano_usd: int, tokens: int = 0) -> Estimate:
    return Estimate(tokens, nano_usd)


@asynccontextmanager
async def limiter(
    folder: Path, clock: SetClock | None = None, store: Store | None = None, flush: float = FLUSH_SECONDS
) -> AsyncIterator[Limiter]:
    now = clock or SetClock()
    async with Limiter(store or LocalStore(folder, now), now, flush) as made:
        yield made


async def eventually(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait for what the background brings."""
    async with asyncio.timeout(10):
        while True:
            if await holds():
                return
            await asyncio.sleep(0.005)
