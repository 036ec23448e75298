"""The SQLite file that the gateway processes of one machine share."""

import fcntl
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lumina_kit import logs

_log = logs.get(__name__)
_VERSION = 1
_BUSY_SECONDS = 2.0
_BROKEN = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_SCHEMA = f"""
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS owners (owner TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counters (
    subject TEXT, unit TEXT, begins INTEGER, ends INTEGER, settled INTEGER NOT NULL,
    PRIMARY KEY (subject, unit, begins, ends)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS leases (
    subject TEXT, unit TEXT, begins INTEGER, ends INTEGER, owner TEXT, amount INTEGER NOT NULL,
    PRIMARY KEY (subject, unit, begins, ends, owner)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sales (
    day INTEGER, key_id TEXT, project_id TEXT, route TEXT, backend TEXT,
    requests INTEGER NOT NULL, tokens INTEGER NOT NULL, nano_usd INTEGER NOT NULL,
    PRIMARY KEY (day, key_id, project_id, route, backend)
) WITHOUT ROWID;
PRAGMA user_version = {_VERSION};
COMMIT;
"""


class LocalFile:
    """Opens the file when it is needed, anew when it was replaced, and moves a broken one aside."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "limits.sqlite"
        self._connection: sqlite3.Connection | None = None
        self._inode = 0

    def connection(self) -> sqlite3.Connection:
        """An open connection without implicit transactions. Raises sqlite3.Error or OSError."""
        if self._connection is not None and self._inode != _inode(self._file):
            self.close()
        if self._connection is None:
            self._connection = self._open()
        return self._connection

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def replaced(self, error: sqlite3.Error) -> bool:
        """Whether the file is broken, and so was moved aside: then the next connection begins a new one."""
        if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _BROKEN:
            return False
        self.close()
        self._move_aside(error)
        return True

    def _open(self) -> sqlite3.Connection:
        with self._alone():
            connection = sqlite3.connect(self._file, timeout=_BUSY_SECONDS, isolation_level=None)
            try:
                self._file.chmod(0o600)
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = NORMAL")
                _migrate(connection, self._file)
                self._inode = _inode(self._file)
            except BaseException:
                self._inode = _inode(self._file)
                connection.close()
                raise
            return connection

    def _move_aside(self, error: sqlite3.Error) -> None:
        """One of the processes that share the file does it; the others find another file in its place."""
        aside = self._file.with_name("limits.broken.sqlite")
        with self._alone():
            if _inode(self._file) != self._inode:
                return
            for suffix in ("-wal", "-shm", ""):
                part = self._file.with_name(self._file.name + suffix)
                if part.exists():
                    part.replace(aside.with_name(aside.name + suffix))
        _log.error(
            "the file of the limits is broken and was moved aside; spend and limits count from zero again",
            file=str(self._file),
            moved_to=str(aside),
            error=str(error),
        )

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Opening changes the journal's mode, and moving aside the file: one process at a time."""
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._file.with_name("limits.sqlite.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _migrate(connection: sqlite3.Connection, file: Path) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > _VERSION:
        raise OSError(f"{file} was written by a newer Lumina (version {version}, this one knows {_VERSION}); upgrade.")
    if version < _VERSION:
        connection.executescript(_SCHEMA)


def _inode(file: Path) -> int:
    try:
        return file.stat().st_ino
    except FileNotFoundError:
        return 0
