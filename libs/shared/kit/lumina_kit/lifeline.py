"""The child's end of the connection that ties its life to its starter's. Standard library only.

The starter never writes to it. It ends when the starter closes it or dies, also by kill -9, and then the child must go.
"""

import asyncio
import contextlib
import json
import os
import select
import signal
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self

VARIABLE = "LUMINA_LIFELINE_FD"
LAST_SECONDS = 1.5
LONGEST_REASON = 1000


@dataclass(frozen=True)
class Lifeline:
    """Descriptors of the starter (first) and of those who started it. None of them: standalone, nothing to watch."""

    descriptors: tuple[int, ...] = ()

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """The lifeline that `lumina_kit.spawn` handed to this process, or a standalone one."""
        descriptors = tuple(int(text) for text in environ.get(VARIABLE, "").split(",") if text)
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)
        return cls(descriptors)

    def ready(self) -> None:
        """Tell the starter that this process can serve."""
        self._tell(b"ready\n")

    def leaving(self) -> None:
        """Tell the starter that this process takes no more work and is about to exit.

        An on-demand part calls it before it closes its socket: who asks for a start from then on waits for a new one.
        """
        self._tell(b"leaving\n")

    def failed(self, reason: str, next_step: str | None) -> None:
        """Tell the starter, in words for people, why this process is about to exit, and what to do about it."""
        told = [text and text[:LONGEST_REASON] for text in (reason, next_step)]
        self._tell(b"failed " + json.dumps(told).encode() + b"\n")

    def watch(self, stop: Callable[[], None]) -> None:
        """Call `stop` in a thread of its own once a starter is gone; 1.5 s later the process ends by force."""
        if self.descriptors:
            threading.Thread(target=self._end_after_cut, args=(stop,), name="lifeline", daemon=True).start()

    def stop_event(self) -> asyncio.Event:
        """Set once a starter is gone, or SIGTERM or SIGINT has come. For the running event loop's main thread."""
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)

        def cut() -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended already
                loop.call_soon_threadsafe(stop.set)

        self.watch(cut)
        return stop

    def _tell(self, message: bytes) -> None:
        with contextlib.suppress(OSError):  # a starter that is gone is noticed by watch()
            for descriptor in self.descriptors[:1]:
                os.write(descriptor, message)

    def _end_after_cut(self, stop: Callable[[], None]) -> None:
        self._wait_for_cut()
        force = threading.Timer(LAST_SECONDS, os._exit, (1,))
        force.daemon = True
        force.start()
        stop()

    def _wait_for_cut(self) -> None:
        poll = select.poll()
        for descriptor in self.descriptors:
            poll.register(descriptor, select.POLLIN)
        while not any(_ended(descriptor) for descriptor, _ in poll.poll()):
            pass


def _ended(descriptor: int) -> bool:
    try:
        return os.read(descriptor, 64) == b""
    except OSError:
        return True
