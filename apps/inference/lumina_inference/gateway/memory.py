"""Memory back to the system after large bodies: glibc keeps what was freed until it is asked."""

import asyncio
import ctypes
from collections.abc import Callable

_LARGE = 1_000_000  # bytes of one body
_CALM_SECONDS = 5.0


class Trimmer:
    """Trims the heap, in a thread of its own, some seconds after a large body was released; once for many of them."""

    def __init__(self, trim: Callable[[], object] | None, seconds: float = _CALM_SECONDS) -> None:
        self._trim = trim
        self._seconds = seconds
        self._due: asyncio.TimerHandle | None = None

    def released(self, size: int) -> None:
        """A body of this size is no longer held."""
        if size >= _LARGE and self._due is None and self._trim is not None:
            self._due = asyncio.get_running_loop().call_later(self._seconds, self._now)

    def _now(self) -> None:
        self._due = None
        if self._trim is not None:
            asyncio.get_running_loop().run_in_executor(None, self._trim)


def heap_trim() -> Callable[[], object] | None:
    """glibc's `malloc_trim`; None where the C library is another."""
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):
        return None
    return lambda: trim(0)
