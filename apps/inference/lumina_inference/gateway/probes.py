"""Probes that cost nothing: whether a backend lives, asked when there is doubt, while it is out, and now and then."""

import asyncio
import contextlib
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
from yarl import URL

from lumina_inference.gateway.index import Target
from lumina_inference.gateway.settings import GatewaySettings
from lumina_inference.gateway.standings import Standing, Standings

_TICKS_PER_INTERVAL = 8
_PATIENT_AFTER = 60
_PATIENCE = 5.0


class Probe:
    """Asks one backend for a sign of life: any answer below 500, or an accepted connection for the kind `tcp`."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        # A fresh connection each time: one that is open already tells nothing about a server that takes no more.
        # No limit: a probe that waits for those of dead backends would be late, and take a good one for dead.
        self._session = ClientSession(
            connector=TCPConnector(force_close=True, limit=0),
            cookie_jar=DummyCookieJar(),
            timeout=ClientTimeout(total=seconds),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def alive(self, target: Target) -> bool:
        """Whether the backend gave a sign of life in time."""
        url = target.probe_url
        if url is None:
            return True
        try:
            async with asyncio.timeout(self._seconds):
                return await (self._accepts(url) if target.backend.probe == "tcp" else self._answers(target, url))
        except (ClientError, OSError, TimeoutError, ValueError):
            return False

    async def _answers(self, target: Target, url: URL) -> bool:
        headers = target.headers if url.origin() == URL(target.backend.url).origin() else ()
        async with self._session.get(url, headers=headers, allow_redirects=False) as response:
            return response.status < 500

    async def _accepts(self, url: URL) -> bool:
        _, writer = await asyncio.open_connection(url.host, url.port)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        return True


@dataclass
class Prober:
    """Looks over the backends a few times a second, and probes those in doubt."""

    standings: Standings
    probe: Probe
    settings: GatewaySettings
    _running: set[asyncio.Task[None]] = field(default_factory=set)

    async def run(self) -> None:
        """For ever. A pass over the backends costs about a microsecond each."""
        pause = min(self.settings.probe_interval_seconds, self.settings.silence_seconds) / _TICKS_PER_INTERVAL
        try:
            while True:
                self._look(self.standings.now())
                await asyncio.sleep(pause)
        finally:
            for task in self._running:
                task.cancel()

    def _look(self, now: float) -> None:
        for standing in self.standings.watched():
            if not standing.probing and standing.target.probe_url is not None and self._is_due(standing, now):
                self._start(standing, now)

    def _is_due(self, standing: Standing, now: float) -> bool:
        since = now - standing.probed_at
        if since < self.settings.probe_interval_seconds:
            return False
        if standing.misses >= _PATIENT_AFTER:
            return since >= _PATIENCE * self.settings.probe_interval_seconds
        periodic = standing.target.backend.probe_seconds
        return standing.in_doubt or self._is_silent(standing, now) or (periodic is not None and since >= periodic)

    def _is_silent(self, standing: Standing, now: float) -> bool:
        oldest = now - self.settings.silence_seconds
        return any(attempt.heard_at <= oldest for attempt in standing.under_way)

    def _start(self, standing: Standing, now: float) -> None:
        standing.probing, standing.probed_at = True, now
        task = asyncio.create_task(self._ask(standing))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _ask(self, standing: Standing) -> None:
        try:
            silent_since = standing.probed_at - self.settings.probe_interval_seconds
            alive = await self.probe.alive(standing.target)
            standing.probed(alive=alive, now=self.standings.now(), silent_since=silent_since)
        finally:
            standing.probing = False
