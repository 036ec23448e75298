"""Connections to backends: one shared session for TCP, one for each unix socket of an on-demand part."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from aiohttp import (
    ClientConnectorCertificateError,
    ClientConnectorError,
    ClientError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    ConnectionTimeoutError,
    DummyCookieJar,
    ServerDisconnectedError,
    TCPConnector,
    UnixConnector,
)
from yarl import URL

from lumina_inference.gateway.errors import BackendFailed, BackendTimedOut, BackendUnreachable, ConnectTimedOut
from lumina_inference.gateway.index import Target
from lumina_inference.gateway.settings import GatewaySettings

Starter = Callable[[str], Awaitable[None]]
"""Starts an on-demand part by name and returns when it is ready."""

_KEEPALIVE_SECONDS = 30


class Upstream:
    """Sends one request to one backend. Starts the part behind it first, if it sleeps."""

    def __init__(self, settings: GatewaySettings, run_dir: Path, start: Starter) -> None:
        self._timeout = ClientTimeout(total=None, sock_connect=settings.connect_timeout_seconds)
        self._run_dir = run_dir
        self._start = start
        self._tcp = self._session(TCPConnector(limit=0, keepalive_timeout=_KEEPALIVE_SECONDS, ttl_dns_cache=30))
        self._sockets: dict[str, ClientSession] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for session in (self._tcp, *self._sockets.values()):
            await session.close()

    async def wake(self, target: Target) -> None:
        """Start the on-demand part of a target; the caller's own limits do not run meanwhile."""
        if target.backend.part is not None:
            await self._start(target.backend.part)

    async def post(self, target: Target, url: URL, headers: Mapping[str, str], body: bytes) -> ClientResponse:
        """Send the request and wait for the answer's headers.

        Raises Asleep if the target is an on-demand part that is not running, else BackendFailed or BackendTimedOut.
        """
        session = self._tcp if target.backend.socket is None else self._socket(target.backend.socket)
        try:
            return await session.post(url, data=body, headers=headers, timeout=self._timeout, allow_redirects=False)
        except (ClientError, OSError, ValueError) as error:
            raise explained(target, error) from error

    def _socket(self, name: str) -> ClientSession:
        if name not in self._sockets:
            self._sockets[name] = self._session(UnixConnector(str(self._run_dir / name), limit=0))
        return self._sockets[name]

    def _session(self, connector: TCPConnector | UnixConnector) -> ClientSession:
        return ClientSession(
            connector=connector,
            cookie_jar=DummyCookieJar(),
            auto_decompress=False,
            max_line_size=16_384,
            max_field_size=16_384,
        )


class Asleep(BackendUnreachable):
    """Nobody listens on an on-demand part's socket, or the part left while we asked. Nothing was answered."""


def explained(target: Target, error: Exception, *, begun: bool = False) -> BackendFailed | BackendTimedOut:
    """What the caller is told about a failed connection: the model's name and the backend's id, never address or key.

    `begun`: the head of the answer had come.
    """
    name = target.name
    if begun:
        return BackendFailed(f"{name} broke the connection before its answer was complete.")
    if target.backend.part is not None and isinstance(
        error, ClientConnectorError | ServerDisconnectedError | ConnectionResetError
    ):
        return Asleep(f"{name} is not running.")
    if isinstance(error, ConnectionTimeoutError | TimeoutError | asyncio.TimeoutError):
        return ConnectTimedOut(f"{name} did not accept a connection in time.")
    if isinstance(error, ClientConnectorCertificateError | ssl.SSLError):
        return BackendUnreachable(f"{name} has a TLS certificate that cannot be trusted.")
    if isinstance(error, ClientConnectorError):
        return BackendUnreachable(f"{name} could not be reached.")
    return BackendUnreachable(f"{name} broke the connection before it answered.")
