"""Closing what a call holds open, to the end."""

import asyncio
from collections.abc import Coroutine
from typing import Any

_closing: set[asyncio.Task[None]] = set()


async def to_the_end(close: Coroutine[Any, Any, None]) -> None:
    """Await it in a task of its own: cancelled halfway, a client leaves its connection to the provider open for ever.

    That happens when the caller leaves: a write fails, and while the call is closed the request is cancelled as well.
    """
    task = asyncio.create_task(close)
    _closing.add(task)
    task.add_done_callback(_closing.discard)
    await asyncio.shield(task)
