"""The database's file: opened, or put aside when it cannot be read and begun anew."""

import time
from pathlib import Path

import duckdb
from duckdb import DuckDBPyConnection

from lumina_kit import logs
from lumina_telemetry.store import schema

ASIDE = ".aside-"
KEPT_ASIDE = 1
SPILL_BYTES = 512 * 2**20
WAL_BYTES = 16 * 2**20
SURROUNDINGS = ("lock on file", "No space left", "Permission denied", "Read-only file system", "File too large",
                "Input/output error", "Too many open files")  # fmt: skip
"""What an error tells when the file itself is sound: another owner, the disk, the rights."""

_log = logs.get(__name__)


class OtherVersion(Exception):
    """The file holds tables of another version of Lumina."""


def opened(file: Path, memory_bytes: int) -> DuckDBPyConnection:
    """The database in `file`. One that is corrupt or of another version is renamed, and a new one begun."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        return _connected(file, memory_bytes)
    except (duckdb.Error, OtherVersion) as error:
        if not is_files_fault(error):
            raise
        _put_aside(file, error)
    return _connected(file, memory_bytes)


def is_files_fault(error: Exception) -> bool:
    """Whether the file is unreadable, and not merely its surroundings out of order."""
    told = str(error)
    return not isinstance(error, duckdb.OutOfMemoryException) and not any(sign in told for sign in SURROUNDINGS)


def is_disks_fault(error: duckdb.Error) -> bool:
    """Whether a write failed beneath the database; a failed commit is told as an error of the transaction."""
    broken = isinstance(error, duckdb.IOException | duckdb.FatalException | duckdb.InternalException)
    return broken or any(sign in str(error) for sign in ("Failed to commit: Could not", *SURROUNDINGS))


def _connected(file: Path, memory_bytes: int) -> DuckDBPyConnection:
    connection = duckdb.connect(str(file), config=_settings(memory_bytes))
    try:
        _prepare(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _settings(memory_bytes: int) -> dict[str, str | bool | int | float | list[str]]:
    return {
        "memory_limit": f"{memory_bytes // 2**20}MB",
        "threads": 1,
        "preserve_insertion_order": True,  # rows lie on disk as they came in, so that a time range is few blocks
        "max_temp_directory_size": f"{SPILL_BYTES // 2**20}MB",
        "checkpoint_threshold": f"{WAL_BYTES // 2**20}MB",
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }


def _prepare(connection: DuckDBPyConnection) -> None:
    found = connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()
    if found:
        versions = connection.execute("SELECT version FROM about").fetchall() if ("about",) in found else []
        if versions != [(schema.VERSION,)]:
            raise OtherVersion(f"The tables are of version {versions}, this Lumina's of {schema.VERSION}.")
        return
    connection.begin()
    connection.execute(schema.TABLES)
    connection.execute("INSERT INTO about VALUES (?)", [schema.VERSION]).fetchall()
    connection.commit()


def _put_aside(file: Path, error: Exception) -> None:
    stamp = f"{ASIDE}{time.time_ns()}"
    for part in (file, _wal(file)):
        if part.exists():
            part.rename(part.with_name(part.name + stamp))
    _log.error("telemetry's file cannot be read and was put aside", file=str(file), kept_as=stamp[1:], error=str(error))
    _forget_older(file)


def _forget_older(file: Path) -> None:
    for part in (file, _wal(file)):
        kept = sorted(part.parent.glob(f"{part.name}{ASIDE}*"), key=lambda old: old.name)
        for old in kept[:-KEPT_ASIDE]:
            old.unlink()


def _wal(file: Path) -> Path:
    return file.with_name(file.name + ".wal")


def wal_size(file: Path) -> int:
    """Bytes of the write-ahead log: what is stored, and not yet in the file itself."""
    wal = _wal(file)
    return wal.stat().st_size if wal.exists() else 0


def size_of(file: Path) -> int:
    """Bytes on disk, the write-ahead log included."""
    return (file.stat().st_size if file.exists() else 0) + wal_size(file)
