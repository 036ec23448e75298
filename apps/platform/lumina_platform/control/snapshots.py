"""The gateway's snapshot: compiled whenever what it holds may have changed, and handed to who waits for a new one."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field

from sqlalchemy.exc import SQLAlchemyError

from lumina_contracts.protocols import KeysSource, RoutesSource
from lumina_contracts.snapshot import Snapshot, sealed
from lumina_kit import logs
from lumina_kit.clock import pause

# What another control process changed on the same database arrives without an event of ours.
RECOMPILE_SECONDS = 5.0
log = logs.get(__name__)


@dataclass
class SnapshotHub:
    """Holds the newest snapshot. Its version is a hash of its content, so compiling the same again wakes nobody."""

    keys: KeysSource
    routes: RoutesSource
    current: Snapshot | None = None
    closed: bool = False
    _due: asyncio.Event = field(default_factory=asyncio.Event)
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    def poke(self) -> None:
        """Compile soon: something changed."""
        self._due.set()

    async def compile(self) -> Snapshot:
        """Compile now."""
        snapshot = sealed(self.routes.routes_part(), await self.keys.keys_part())
        if self.current is None or snapshot.version != self.current.version:
            async with self._news:
                self.current = snapshot
                self._news.notify_all()
            log.info("snapshot compiled", version=snapshot.version[:12], keys=len(snapshot.keys.keys))
        return snapshot

    async def newer_than(self, known: str | None, seconds: float) -> Snapshot | None:
        """The newest snapshot as soon as it is not the known one; None if it still is after so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds), self._news:
                await self._news.wait_for(lambda: self.closed or self._is_news(known))
        return self.current if self._is_news(known) else None

    def _is_news(self, known: str | None) -> bool:
        return self.current is not None and self.current.version != known

    async def close(self) -> None:
        """Let everyone go who waits, and compile no more."""
        self.closed = True
        self.poke()
        async with self._news:
            self._news.notify_all()

    async def run(self) -> None:
        """Compile when poked, and every few seconds, until closed."""
        while not self.closed:
            await pause(RECOMPILE_SECONDS, self._due)
            self._due.clear()
            try:
                await self.compile()
            except (
                SQLAlchemyError,
                OSError,
            ) as error:  # the gateway keeps its last snapshot while the database is away
                log.error("snapshot not compiled", error=repr(error))
