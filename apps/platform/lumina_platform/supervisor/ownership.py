"""One supervisor per home, and the folders that belong to it alone."""

import contextlib
import fcntl
import json
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from lumina_kit.home import Home
from lumina_platform.supervisor.endpoints import Endpoints
from lumina_platform.supervisor.errors import AlreadyRunning, UnsafeFolder


def prepare(home: Home) -> None:
    """Make the home, or take an existing one, readable by its owner only."""
    try:
        home.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        home.path.chmod(0o700)
        home.logs_dir.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise UnsafeFolder(
            f"{home.path} cannot be Lumina's home: {error.strerror}.",
            next_step="Choose a folder that you own with --home or LUMINA_HOME.",
        ) from None


@contextmanager
def owned(home: Home) -> Iterator[None]:
    """Hold the lock of a home. Raises AlreadyRunning with the process and its addresses."""
    with home.lock_file.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _running(home, lock) from None
        lock.truncate(0)
        lock.write(json.dumps({"pid": os.getpid()}))
        lock.flush()
        yield


@contextmanager
def run_folder(home: Home) -> Iterator[Path]:
    """The folder of the unix sockets: ours, closed to others, empty, and gone afterwards."""
    folder = home.run_dir
    with contextlib.suppress(FileNotFoundError):
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
            raise UnsafeFolder(f"{folder} belongs to someone else.", next_step="Remove it, or choose another --home.")
        shutil.rmtree(folder)
    folder.mkdir(mode=0o700, parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _running(home: Home, lock: IO[str]) -> AlreadyRunning:
    lock.seek(0)
    with contextlib.suppress(ValueError):
        pid = json.loads(lock.read())["pid"]
        found = Endpoints.read(home)
        endpoints = found if found and found.pid == pid else None
        where = f"serves {endpoints.control} and {endpoints.gateway}" if endpoints else "is starting"
        return AlreadyRunning(
            f"Lumina runs already on {home.path}: process {pid} {where}.",
            endpoints,
            next_step=f"Use it, stop it with `kill {pid}`, or choose another --home.",
        )
    return AlreadyRunning(f"Another process has just locked {home.lock_file}.", None, next_step="Try again.")
