"""One worker thread for the models, so that the event loop stays free; bounded, and fair between requests."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

from lumina_inference.embedded.refusals import Refusal

P = ParamSpec("P")
T = TypeVar("T")


class Worker:
    """Runs small pieces of work one after the other. Requests that take turns share it batch by batch."""

    def __init__(self, places: int) -> None:
        self._places = places
        self._taken = 0
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="model")

    @property
    def busy(self) -> bool:
        """Whether any request is under way."""
        return self._taken > 0

    @contextmanager
    def place(self) -> Iterator[None]:
        """A request's place in the queue. Raises Refusal (429) when all are taken."""
        if self._taken >= self._places:
            raise Refusal(
                f"{self._places} requests are waiting for the embedded models already; try again in a second.",
                code="rate_limit_exceeded", status=429, retry_after=1,
            )  # fmt: skip
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run one piece; a caller that goes away leaves at most this one piece running."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, lambda: function(*args, **kwargs))

    def close(self) -> None:
        """Drop what has not begun."""
        self._thread.shutdown(wait=False, cancel_futures=True)
