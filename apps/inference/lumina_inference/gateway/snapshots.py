"""The snapshot in force: long-polled from control, swapped whole, kept sealed on disk for when control is down."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, UnixConnector
from msgspec import DecodeError, json

from lumina_contracts.snapshot import Snapshot
from lumina_inference.gateway.index import Index, index
from lumina_inference.gateway.vault import Vault
from lumina_kit import logs

_log = logs.get(__name__)
_ASK_AGAIN_SECONDS = 0.1
_MAX_BYTES = 64 * 2**20
_POLL_TIMEOUT = ClientTimeout(total=60, connect=3)
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0
_decoder = json.Decoder(Snapshot)


class Unusable(Exception):
    """What should be a snapshot is none that this gateway can serve from."""


class Snapshots:
    """Holds the current snapshot. `control_up` tells whether control answered when it was last asked."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._changed = asyncio.Event()
        self._watchers: list[Callable[[Index], None]] = []
        self.current: Index | None = None
        self.control_up = False
        self.confirmed_at = time.monotonic()

    def watch(self, follow: Callable[[Index], None]) -> None:
        """Tell of every snapshot from now on, and of the one in force."""
        self._watchers.append(follow)
        if self.current is not None:
            follow(self.current)

    async def restore(self) -> None:
        """Begin with the snapshot of the last run, if there is one that opens."""
        stored = await self._vault.read()
        if stored is None:
            return
        try:
            self._adopt(stored)
        except Unusable as error:  # another version of Lumina may have kept it
            _log.warning("the kept snapshot cannot be used; waiting for control", error=str(error))

    async def follow(self, socket: Path) -> None:
        """Poll control for ever; a pause after a failure grows to two seconds."""
        pause = _FIRST_PAUSE
        async with ClientSession(connector=UnixConnector(str(socket)), timeout=_POLL_TIMEOUT) as session:
            while True:
                try:
                    if not await self._poll(session):
                        await asyncio.sleep(_FIRST_PAUSE)  # no busy loop, however fast control says "nothing new"
                    pause = _FIRST_PAUSE
                except (ClientError, OSError, TimeoutError, Unusable) as error:
                    self._lost(error)
                    await asyncio.sleep(pause)
                    pause = min(pause * 2, _LONGEST_PAUSE)

    async def wait_until(self, condition: Callable[[], bool]) -> None:
        """Returns once the condition holds; it is asked again after each new snapshot, and now and then between."""
        while not condition():
            self._changed.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_ASK_AGAIN_SECONDS):
                    await self._changed.wait()

    async def _poll(self, session: ClientSession) -> bool:
        """Ask control once; true if there was something new."""
        asked = {"known": self.current.snapshot.version if self.current else ""}
        if not self.control_up:
            asked["wait"] = "0"  # first of all, whether control is there
        async with session.get("http://control/snapshot", params=asked, allow_redirects=False) as response:
            content = await _newer(response)
        if content is not None:
            self._adopt(content)
        self._confirmed()
        if content is not None:
            await self._vault.write(content)
        return content is not None

    def _adopt(self, content: bytes) -> None:
        """Put a snapshot in force. Raises Unusable; the old one then stays."""
        try:
            snapshot = _decoder.decode(content)
            self.current = new = index(snapshot)
        except (DecodeError, ValueError) as error:
            raise Unusable(str(error)) from None
        for follow in self._watchers:
            follow(new)
        self._changed.set()
        _log.info("snapshot in force", version=snapshot.version[:12], routes=len(snapshot.routes.routes))

    def _confirmed(self) -> None:
        self.confirmed_at = time.monotonic()
        if not self.control_up:
            self.control_up = True
            _log.info("control answers")

    def _lost(self, error: Exception) -> None:
        if isinstance(error, Unusable):
            _log.error("control sent a snapshot that cannot be used; the last one stays", error=str(error)[:300])
        elif self.control_up:
            _log.warning("control does not answer; serving from the last snapshot", error=repr(error)[:300])
        elif self.current is None:  # both start side by side, and control takes longer
            _log.debug("control does not answer yet", error=repr(error)[:300])
        self.control_up = False


async def _newer(response: ClientResponse) -> bytes | None:
    """The snapshot that control sends; None when it says that the known one is the newest."""
    if response.status == HTTPStatus.NOT_MODIFIED:
        return None
    if response.status != HTTPStatus.OK:
        raise ClientError(f"Control answered with status {response.status}.")
    content = bytearray()
    async for part in response.content.iter_any():
        content += part
        if len(content) > _MAX_BYTES:
            raise ClientError(f"The snapshot is larger than {_MAX_BYTES:,} bytes.")
    return bytes(content)
