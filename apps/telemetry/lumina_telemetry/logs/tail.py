"""Log records as they are stored, sent to those who watch. A slow watcher loses records and is told how many."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from lumina_kit.errors import TooMany
from lumina_telemetry.logs.filters import LogFilter
from lumina_telemetry.rows import Batch, LogRow

MOST_WATCHERS = 16
WAITING = 1_000
LOOKED_AT = 2_000
"""Records of one flush that are compared with a watcher's filter; more count as dropped."""


class TooManyWatchers(TooMany):
    code = "telemetry_too_many_tails"
    title = "Too many follow the logs"


@dataclass
class Watcher:
    """What one caller wants to see, and what waits to be sent."""

    filter: LogFilter
    waiting: list[LogRow] = field(default_factory=list)
    dropped: int = 0
    ended: bool = False
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def offer(self, rows: list[LogRow]) -> None:
        wanted = [row for row in rows[-LOOKED_AT:] if self.filter.holds(row)]
        kept = wanted[: WAITING - len(self.waiting)]
        self.dropped += len(wanted) - len(kept) + max(0, len(rows) - LOOKED_AT)
        self.waiting += kept
        if wanted or self.dropped:
            self._news.set()

    def end(self) -> None:
        self.ended = True
        self._news.set()

    async def news(self, seconds: float) -> tuple[list[LogRow], int]:
        """What waits, and how many were dropped; nothing when so many seconds have passed."""
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            return [], 0
        self._news.clear()
        rows, dropped, self.waiting, self.dropped = self.waiting, self.dropped, [], 0
        return rows, dropped


class Tail:
    """Everyone who watches. `stored` is to be called with each batch that was stored."""

    def __init__(self) -> None:
        self._watchers: list[Watcher] = []

    def stored(self, batch: Batch) -> None:
        if batch.logs:
            for watcher in self._watchers:
                watcher.offer(batch.logs)

    @asynccontextmanager
    async def watching(self, wanted: LogFilter) -> AsyncIterator[Watcher]:
        """Watch while the context is open. Raises TooManyWatchers."""
        if len(self._watchers) >= MOST_WATCHERS:
            raise TooManyWatchers(f"{MOST_WATCHERS} callers follow the logs already.", retry_after=5)
        watcher = Watcher(wanted)
        self._watchers.append(watcher)
        try:
            yield watcher
        finally:
            self._watchers.remove(watcher)

    def close(self) -> None:
        """End what is open."""
        for watcher in self._watchers:
            watcher.end()
