"""Export by OTLP over HTTP: bounded queue, batches, gzip, back-off. It delays no answer; what is lost is counted.

For our own telemetry spans wait as long as the queue has room; another receiver gets five tries.
"""

import asyncio
import gzip
import random
import time
from collections import deque
from itertools import count, islice

from aiohttp import ClientError, ClientSession, ClientTimeout

from lumina_contracts.attributes import SCHEMA_URL, TABLE_VERSION
from lumina_inference.gateway.destination import Destination
from lumina_inference.gateway.metrics import Metrics
from lumina_inference.gateway.protobuf import message, text
from lumina_inference.gateway.settings import GatewaySettings
from lumina_kit import logs

_log = logs.get(__name__)
_RETRIED = frozenset({429, 502, 503, 504})
_TRIES = 5
_LONGEST_PAUSE = 30.0
_LONGEST_OWN_PAUSE = 1.0
_OWN_PATIENCE = 5.0
_CLOSING_SECONDS = 2.0

SCOPE = message(1, text(1, "lumina.gateway") + text(2, TABLE_VERSION))
_SCHEMA = text(3, SCHEMA_URL)


def envelope(resource: bytes, scoped: bytes) -> bytes:
    """An export request of one resource and one scope; `scoped` holds field 2 of a ScopeSpans or ScopeMetrics."""
    return message(1, resource + message(2, SCOPE + scoped + _SCHEMA))


class Sender:
    """Posts export requests, again after a pause where the receiver asks for it or is away."""

    def __init__(self, session: ClientSession, destination: Destination) -> None:
        self._session = session
        self._timeout = ClientTimeout(total=destination.timeout_seconds)
        self._compress = destination.compress
        self._longest_pause = _LONGEST_PAUSE if destination.socket is None else _LONGEST_OWN_PAUSE
        self._headers = {"Content-Type": "application/x-protobuf", **destination.headers}
        self._patience = 0.0 if destination.socket is None else _OWN_PATIENCE
        self._away_since: float | None = None
        self._told = False
        if destination.compress:
            self._headers["Content-Encoding"] = "gzip"

    async def send(self, url: str, content: bytes, tries: int | None) -> bool:
        """False if the receiver refused it, or did not take it in so many tries. None: as many as it takes."""
        body = await asyncio.to_thread(gzip.compress, content, 1) if self._compress else content
        for tried in range(tries) if tries is not None else count():
            status = await self._post(url, body)
            if status is not None and status not in _RETRIED:
                return status < 300
            if tried + 1 != tries:
                await self._pause(tried)
        return False

    async def _pause(self, tried: int) -> None:
        longest = self._longest_pause
        await asyncio.sleep(min(2.0 ** min(tried, 10), longest) * random.uniform(0.5, 1))  # nosec B311

    async def _post(self, url: str, body: bytes) -> int | None:
        try:
            async with self._session.post(url, data=body, headers=self._headers, timeout=self._timeout) as response:
                self._spoke(url, response.status)
                return response.status
        except (ClientError, OSError, TimeoutError) as error:
            self._missed(url, error)
            return None

    def _missed(self, url: str, error: Exception) -> None:
        """Told once; of our own only when it is away for longer than a start takes."""
        now = time.monotonic()
        self._away_since = self._away_since or now
        if not self._told and now - self._away_since >= self._patience:
            _log.warning("the OTLP receiver does not answer", url=url, error=repr(error)[:200])
            self._told = True

    def _spoke(self, url: str, status: int) -> None:
        if self._told:
            _log.info("the OTLP receiver answers again", url=url)
        self._told, self._away_since = False, None
        if status >= 300:
            _log.warning("the OTLP receiver refused", url=url, status=status)


class SpanQueue:
    """Spans on their way out, each with the moment at which it came."""

    def __init__(self, sender: Sender, destination: Destination, settings: GatewaySettings, metrics: Metrics) -> None:
        self._sender = sender
        self._url = destination.traces or ""
        self._tries = _TRIES if destination.socket is None else None
        self._resource = destination.resource
        self._most = settings.span_queue
        self._batch = settings.span_batch
        self._seconds = settings.span_flush_seconds
        self._metrics = metrics
        self._spans: deque[tuple[float, bytes]] = deque()
        self._full = asyncio.Event()

    @property
    def age_seconds(self) -> float:
        """How long the oldest span has waited."""
        return time.monotonic() - self._spans[0][0] if self._spans else 0.0

    def add(self, span: bytes) -> None:
        """Queue a span; with the queue full it is dropped and counted."""
        if len(self._spans) >= self._most:
            self._metrics.dropped("queue_full", 1)
            return
        self._spans.append((time.monotonic(), span))
        if len(self._spans) >= self._batch:
            self._full.set()

    async def run(self) -> None:
        """Export for ever: a full batch at once, a smaller one after a second."""
        while True:
            try:
                async with asyncio.timeout(self._seconds):
                    await self._full.wait()
            except TimeoutError:
                pass
            self._full.clear()
            await self._flush()

    async def close(self) -> None:
        """Export what is left, for two seconds at most."""
        try:
            async with asyncio.timeout(_CLOSING_SECONDS):
                await self._flush()
        except TimeoutError:
            self._metrics.dropped("shutdown", len(self._spans))

    async def _flush(self) -> None:
        """A batch leaves the queue when it has arrived, or is given up: until then it counts as waiting."""
        while self._spans:
            batch = [span for _, span in islice(self._spans, self._batch)]
            arrived = await self._sender.send(self._url, envelope(self._resource, b"".join(batch)), self._tries)
            for _ in batch:
                self._spans.popleft()
            if arrived:
                self._metrics.exported(len(batch))
            else:
                self._metrics.dropped("export_failed", len(batch))
