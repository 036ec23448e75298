"""One receiver of alerts: a short queue, and one sender that tries again, ever more slowly."""

import asyncio
import time
from collections import deque
from dataclasses import dataclass
from urllib.parse import urlsplit

from aiohttp import ClientError, ClientSession, ClientTimeout

from lumina_kit import logs
from lumina_telemetry.alerts.measures import AlertMeasures

MOST_QUEUED = 100
GIVEN_UP_SECONDS = 600.0
_TIMEOUT = ClientTimeout(total=10.0)
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 60.0
_TOO_MANY = 429
_SERVER_ERROR = 500
_OK = range(200, 300)
_HEADERS = {"content-type": "application/json", "user-agent": "lumina"}
_log = logs.get(__name__)


@dataclass(frozen=True)
class Target:
    """Where to send. `name` stands for it in logs and metrics, since the URL can hold a secret."""

    name: str
    url: str

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""


class Outlet:
    """`put` never waits: with a full queue the oldest message goes, and is counted."""

    def __init__(self, target: Target, session: ClientSession, measures: AlertMeasures) -> None:
        self.target = target
        self._session, self._measures = session, measures
        self._queue: deque[tuple[float, bytes]] = deque()
        self._some = asyncio.Event()

    @property
    def queued(self) -> int:
        return len(self._queue)

    def put(self, body: bytes) -> None:
        if len(self._queue) >= MOST_QUEUED:
            self._queue.popleft()
            self._lost("queue_full")
        self._queue.append((time.monotonic(), body))
        self._some.set()

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            await self._some.wait()
            while self._queue:
                since, body = self._queue.popleft()
                await self._deliver(since, body)
            self._some.clear()

    async def _deliver(self, since: float, body: bytes) -> None:
        pause = _FIRST_PAUSE
        while True:
            result = await self._try(body)
            self._measures.sent(self.target.name, result)
            if result == "ok":
                return
            if result == "refused":
                self._lost("refused")
                return
            if time.monotonic() + pause - since > GIVEN_UP_SECONDS:
                self._lost("given_up")
                return
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _try(self, body: bytes) -> str:
        target = self.target
        try:
            async with self._session.post(
                target.url, data=body, headers=_HEADERS, timeout=_TIMEOUT, allow_redirects=False
            ) as answer:
                status = answer.status
        except (ClientError, OSError, TimeoutError, ValueError) as error:
            _log.warning("alerts were not taken", receiver=target.name, host=target.host, why=type(error).__name__)
            return "unreachable"
        if status in _OK:
            return "ok"
        _log.warning("alerts were not taken", receiver=target.name, host=target.host, status=status)
        return "failed" if status >= _SERVER_ERROR or status == _TOO_MANY else "refused"

    def _lost(self, reason: str) -> None:
        self._measures.dropped(self.target.name, reason)
        _log.error("a message with alerts is lost", receiver=self.target.name, host=self.target.host, reason=reason)
