"""The snapshot's file: sealed with the master key, since it holds the backends' credentials."""

import asyncio
import os
from pathlib import Path

from lumina_kit import logs
from lumina_kit.home import Home
from lumina_kit.masterkey import BadMasterKey, MasterKey

_log = logs.get(__name__)
_PURPOSE = "gateway-snapshot"


class Vault:
    """Reads and writes `gateway/snapshot.sealed` in the home. Every process has a draft of its own, `writer`."""

    def __init__(self, home: Home, key: MasterKey, writer: str = "gateway") -> None:
        self._file = home.gateway_dir / "snapshot.sealed"
        self._draft = home.gateway_dir / f"snapshot.{writer}.draft"
        self._key = key
        self._writing: asyncio.Task[None] | None = None

    async def read(self) -> bytes | None:
        """The snapshot's JSON; None if there is no file, or one that does not open."""
        return await asyncio.to_thread(self.read_now)

    async def write(self, content: bytes) -> None:
        """Replace the file at once, or leave it: a full disk does not stop the gateway."""
        self._writing = asyncio.create_task(asyncio.to_thread(self._write, content))
        try:
            await asyncio.shield(self._writing)
        except OSError as error:
            _log.warning("the snapshot could not be kept", file=str(self._file), error=str(error))

    async def settle(self) -> None:
        """Let a write that has begun end: a thread goes on when the one who waited for it is cancelled."""
        if self._writing is not None:
            await asyncio.wait([self._writing])

    def read_now(self) -> bytes | None:
        """The same, where no event loop runs yet."""
        try:
            return self._key.open(_PURPOSE, self._file.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, BadMasterKey) as error:
            _log.warning("the kept snapshot cannot be read", error=str(error))
            return None

    def _write(self, content: bytes) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _write_private(self._draft, self._key.seal(_PURPOSE, content))
        self._draft.replace(self._file)


def _write_private(file: Path, content: bytes) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
