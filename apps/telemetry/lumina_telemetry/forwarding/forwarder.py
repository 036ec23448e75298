"""Passes everything on that came in, without content, to the receivers that the environment names."""

import asyncio
import socket
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress

import msgspec
from aiohttp import ClientSession, DummyCookieJar
from yarl import URL

from lumina_kit import logs
from lumina_kit.home import Home
from lumina_telemetry.forwarding.destination import Destination, destination
from lumina_telemetry.forwarding.outbox import Outbox
from lumina_telemetry.forwarding.ownlogs import request_of
from lumina_telemetry.intake.signals import LOGS, METRICS, TRACES, Kind
from lumina_telemetry.measures import Measures
from lumina_telemetry.rows import Batch

_log = logs.get(__name__)
_LOCAL = frozenset({"127.0.0.1", "::1", "localhost", "0.0.0.0", "::"})  # nosec B104 - compared with, never bound
_CLOSING_SECONDS = 2.0
_PATH = "/otlp/"


class Forwarder:
    """Call it with a signal, an export request in protobuf, and how many items it has; it never blocks."""

    def __init__(
        self,
        environ: Mapping[str, str],
        measures: Measures,
        most_bytes: int,
        own_addresses: Callable[[], Collection[URL]],
    ) -> None:
        found = {signal.kind: destination(environ, signal.kind) for signal in (TRACES, LOGS, METRICS)}
        self._destinations = {kind: where for kind, where in found.items() if where is not None}
        self._measures = measures
        self._most = most_bytes
        self._own_addresses = own_addresses
        self._outboxes: dict[Kind, Outbox] = {}

    def __call__(self, signal: Kind, body: bytes, items: int) -> None:
        outbox = self._outboxes.get(signal)
        if outbox is not None and items:
            outbox.add(body, items)

    def own_logs(self, batch: Batch) -> None:
        """Lumina's own log does not come in as a request, but goes out with the rest."""
        rows = [row for row in batch.logs if row.ours] if "logs" in self._outboxes else []
        if rows:
            self("logs", request_of(rows), len(rows))

    async def run(self) -> None:
        """Send until cancelled; what is left then has two seconds, where its receiver takes it."""
        self._destinations = {kind: to for kind, to in self._destinations.items() if not self._is_us(kind, to)}
        if not self._destinations:
            return
        async with ClientSession(cookie_jar=DummyCookieJar()) as session:
            self._outboxes = {
                kind: Outbox(kind, to, session, self._most, self._measures.forwarded)
                for kind, to in self._destinations.items()
            }
            running = [asyncio.create_task(outbox.run()) for outbox in self._outboxes.values()]
            try:
                ended, _ = await asyncio.wait(running, return_when=asyncio.FIRST_EXCEPTION)
                for task in ended:
                    task.result()
            finally:
                await self._close(running)

    async def _close(self, running: Collection[asyncio.Task[None]]) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSING_SECONDS):
                await asyncio.gather(*(outbox.settled() for outbox in self._outboxes.values()))
        for task in running:
            task.cancel()
        for outbox in self._outboxes.values():
            outbox.abandon()

    def _is_us(self, kind: Kind, to: Destination) -> bool:
        """Whether what we sent would come in again, for ever."""
        if not to.url.path.startswith(_PATH) or not any(_same(to.url, own) for own in self._own_addresses()):
            return False
        _log.error(
            f"{kind} are not passed on: the endpoint is this Lumina itself, which stores them anyway",
            url=str(to.url.with_user(None).with_query(None)),
            next_step="Unset OTEL_EXPORTER_OTLP_ENDPOINT, or name another receiver.",
        )
        return True


def own_addresses(home: Home) -> Collection[URL]:
    """Where this Lumina listens, as the supervisor wrote it down."""
    try:
        told = msgspec.json.decode(home.endpoints_file.read_bytes(), type=dict[str, object])
    except (OSError, msgspec.DecodeError):
        return []
    return [URL(value) for value in told.values() if isinstance(value, str) and value.startswith("http")]


def _same(left: URL, right: URL) -> bool:
    return left.port == right.port and (left.host == right.host or {left.host, right.host} <= _here())


def _here() -> frozenset[str | None]:
    return _LOCAL | {socket.gethostname(), socket.getfqdn()}
