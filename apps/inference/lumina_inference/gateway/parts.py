"""Waking on-demand parts: however many requests wait for one, it is asked for once."""

import asyncio
from collections.abc import Awaitable, Callable

from lumina_inference.gateway.errors import PartUnavailable
from lumina_kit.errors import Unavailable


class Waker:
    """Shares one start among all who wait for a part."""

    def __init__(self, start: Callable[[str], Awaitable[None]], seconds: float) -> None:
        self._start = start
        self._seconds = seconds
        self._running: dict[str, asyncio.Task[None]] = {}

    async def wake(self, part: str) -> None:
        """Returns when the part is ready. Raises PartUnavailable with the reason if it does not come up in time."""
        task = self._running.get(part)
        if task is None:
            task = self._running[part] = asyncio.create_task(self._bounded(part))
            task.add_done_callback(lambda done: self._forget(part, done))
        await asyncio.shield(task)

    async def _bounded(self, part: str) -> None:
        try:
            async with asyncio.timeout(self._seconds):
                await self._start(part)
        except TimeoutError:
            raise PartUnavailable(f"{part!r} did not start within {self._seconds:g} s.") from None
        except Unavailable as error:
            raise PartUnavailable(f"{part!r} is not available: {error.message}") from None

    def _forget(self, part: str, done: asyncio.Task[None]) -> None:
        self._running.pop(part, None)
        if not done.cancelled():
            done.exception()  # read here, so that a failure nobody waits for any more is not reported as lost
