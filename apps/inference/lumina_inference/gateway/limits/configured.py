"""The store that the configuration in force names: a Redis, or else the file of this machine."""

from collections.abc import Callable
from pathlib import Path
from typing import Self

from lumina_inference.gateway.limits.localstore import LocalStore
from lumina_inference.gateway.limits.redisstore import RedisStore
from lumina_inference.gateway.limits.store import Answer, Counter, Report, Sale, Store, Sum
from lumina_kit import logs
from lumina_kit.clock import Clock, utc_now

_log = logs.get(__name__)


class ConfiguredStore:
    """Moves when the configuration does, between two reports. What was counted stays where it is."""

    def __init__(self, folder: Path, redis_url: Callable[[], str | None], now: Clock = utc_now) -> None:
        self._folder = folder
        self._redis_url = redis_url
        self._now = now
        self._url: str | None = None
        self._store: Store = LocalStore(folder, now)

    async def __aenter__(self) -> Self:
        self._url = self._redis_url()
        self._store = await self._made(self._url).__aenter__()
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self._store.__aexit__(*failure)

    async def exchange(self, report: Report) -> Answer:
        url = self._redis_url()
        if url != self._url:
            await self._move(url)
        return await self._store.exchange(report)

    async def settled(self, counter: Counter) -> int:
        return await self._store.settled(counter)

    async def sales(self, day: int) -> dict[Sale, Sum]:
        return await self._store.sales(day)

    async def _move(self, url: str | None) -> None:
        left, self._store = self._store, await self._made(url).__aenter__()
        self._url = url
        await left.__aexit__(None, None, None)
        _log.warning("limits are shared through another store now; spend counts from what it holds", redis=bool(url))

    def _made(self, url: str | None) -> Store:
        return RedisStore(url, self._now) if url else LocalStore(self._folder, self._now)
