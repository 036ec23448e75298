"""Which gateway processes of this machine are alive: each holds a lock on a file of its own until it ends."""

import fcntl
import os
from pathlib import Path

_PREFIX, _SUFFIX = "limits-", ".lock"


class OwnerLock:
    """The lock of one process. However the process ends, the lock ends with it."""

    def __init__(self, folder: Path, owner: str) -> None:
        self._file = _lock_file(folder, owner)
        self._descriptor: int | None = None

    def hold(self) -> None:
        """Take the lock; OSError if the file cannot be made."""
        if self._descriptor is not None:
            return
        descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            raise
        self._descriptor = descriptor

    def release(self) -> None:
        if self._descriptor is None:
            return
        self._file.unlink(missing_ok=True)
        os.close(self._descriptor)
        self._descriptor = None


def bury_if_dead(folder: Path, owner: str) -> bool:
    """Whether the process is gone; its file is then removed."""
    file = _lock_file(folder, owner)
    try:
        descriptor = os.open(file, os.O_RDWR)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        file.unlink(missing_ok=True)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def _lock_file(folder: Path, owner: str) -> Path:
    return folder / f"{_PREFIX}{owner}{_SUFFIX}"
