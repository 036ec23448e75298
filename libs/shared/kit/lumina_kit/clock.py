"""Time as a value that is handed in."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The time now, aware, in UTC."""
    return datetime.now(UTC)


async def pause(seconds: float, stop: asyncio.Event) -> None:
    """Sleep so long, or until `stop`: a loop that waits here ends between two pieces of work, never within one."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
