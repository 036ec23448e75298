"""A bounded queue of export requests, posted in order, again after a pause where the receiver asks for it."""

import asyncio
import gzip
import random
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from aiohttp import ClientError, ClientSession, ClientTimeout

from lumina_kit import logs
from lumina_telemetry.forwarding.destination import Destination
from lumina_telemetry.intake.bodies import PROTOBUF
from lumina_telemetry.intake.signals import Kind

_log = logs.get(__name__)
_RETRIED = frozenset({429, 502, 503, 504})
_SHORTEST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0
_LONGEST_RETRY_AFTER = 300.0
_GIVE_UP_SECONDS = 300.0
_BATCH_BYTES = 2 * 2**20

Count = Callable[[Kind, str, int], None]


@dataclass(frozen=True)
class _Answer:
    """`again`: seconds until the next try; None: there is none."""

    taken: bool
    again: float | None = None


class Outbox:
    """One signal on its way to one receiver. `count` is told signal, what became of them, and how many."""

    def __init__(
        self, signal: Kind, destination: Destination, session: ClientSession, most_bytes: int, count: Count
    ) -> None:
        self._signal = signal
        self._destination = destination
        self._session = session
        self._most = most_bytes
        self._count = count
        self._queue: deque[tuple[bytes, int]] = deque()
        self._bytes = 0
        self._filled = asyncio.Event()
        self._settled = asyncio.Event()
        self._settled.set()
        self._sending = 0
        self._trouble: str | None = None

    def add(self, body: bytes, items: int) -> None:
        """Queue a request; with the queue full it is dropped and counted."""
        if self._bytes + len(body) > self._most:
            self._count(self._signal, "queue_full", items)
            return
        self._queue.append((body, items))
        self._bytes += len(body)
        self._filled.set()
        self._settled.clear()

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            await self._filled.wait()
            body, self._sending = self._next()
            result = await self._send(body)
            self._count(self._signal, result, self._sending)
            self._sending = 0
            self._bytes -= len(body)
            if not self._queue:
                self._filled.clear()
                self._settled.set()

    async def settled(self) -> None:
        """Wait until all is sent, or the receiver has failed to take something: who ends has no time to try again."""
        await self._settled.wait()

    def abandon(self) -> None:
        """Count what is left as lost."""
        left = self._sending + sum(items for _, items in self._queue)
        if left:
            self._count(self._signal, "shutdown", left)
        self._queue.clear()

    def _next(self) -> tuple[bytes, int]:
        """Several requests are one when written one after the other: that is how protobuf merges lists."""
        parts: list[bytes] = []
        items = size = 0
        while self._queue and (not parts or size + len(self._queue[0][0]) <= _BATCH_BYTES):
            body, count = self._queue.popleft()
            parts.append(body)
            items += count
            size += len(body)
        return b"".join(parts), items

    async def _send(self, content: bytes) -> str:
        body = await asyncio.to_thread(gzip.compress, content, 1) if self._destination.compress else content
        pause, until = _SHORTEST_PAUSE, time.monotonic() + _GIVE_UP_SECONDS
        while True:
            answer = await self._post(body)
            if answer.taken or answer.again is None:
                return "sent" if answer.taken else "refused"
            gives_up = time.monotonic() > until
            # The pause that the receiver asks for is kept before the next request, too.
            await asyncio.sleep(max(answer.again, pause * random.uniform(0.5, 1)))  # nosec B311
            if gives_up:
                return "gave_up"
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _post(self, body: bytes) -> _Answer:
        to = self._destination
        headers = {**to.headers, "Content-Type": PROTOBUF} | ({"Content-Encoding": "gzip"} if to.compress else {})
        timeout = ClientTimeout(total=to.timeout_seconds)
        try:
            async with self._session.post(
                to.url, data=body, headers=headers, timeout=timeout, ssl=to.tls or True, allow_redirects=False
            ) as response:
                if response.status < 300:
                    self._tell(None)
                    return _Answer(taken=True)
                self._tell(f"answers {response.status}")
                again = _seconds(response.headers.get("retry-after")) if response.status in _RETRIED else None
                return _Answer(taken=False, again=again)
        except (ClientError, OSError, TimeoutError) as error:
            self._tell(f"does not answer: {type(error).__name__}")
            return _Answer(taken=False, again=0.0)

    def _tell(self, trouble: str | None) -> None:
        """Once for each trouble: these lines are passed on as well, and must not call forth the next ones."""
        if trouble:
            self._settled.set()
        if trouble == self._trouble:
            return
        self._trouble = trouble
        if trouble:
            _log.warning(f"the OTLP receiver of {self._signal} {trouble}", url=_shown(self._destination))
        else:
            _log.info(f"the OTLP receiver of {self._signal} takes them again", url=_shown(self._destination))


def _shown(destination: Destination) -> str:
    """Without a password or key that may be in it."""
    return str(destination.url.with_user(None).with_query(None))


def _seconds(retry_after: str | None) -> float:
    """A Retry-After of seconds or of a date, within bounds; 0: it says nothing."""
    try:
        seconds = float(retry_after or 0)
    except ValueError:
        seconds = _until(retry_after or "")
    return min(max(seconds, 0.0), _LONGEST_RETRY_AFTER)


def _until(date: str) -> float:
    try:
        then = parsedate_to_datetime(date)
    except ValueError:
        return 0.0
    return (then.replace(tzinfo=then.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
