"""The embedded database: one file, one writer, a few readers, each query bounded in time."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import duckdb
from duckdb import DuckDBPyConnection

from lumina_kit import logs
from lumina_telemetry.errors import DiskFull, QueryTooSlow, TelemetryUnavailable
from lumina_telemetry.settings import TelemetrySettings
from lumina_telemetry.store import files
from lumina_telemetry.store.disk import Disk

READERS = 2
Result = TypeVar("Result")
Work = Callable[[DuckDBPyConnection], Result]
_log = logs.get(__name__)


class Store:
    """Writes one transaction at a time; reads beside it, from the last committed state.

    A write error of the disk makes it refuse to write (DiskFull) until the disk has room; a connection that such an
    error has made useless is opened again. It opens in that state too: then nothing can be read until it has recovered.
    """

    def __init__(self, file: Path, settings: TelemetrySettings, disk: Disk | None = None) -> None:
        self.file = file
        self.disk = disk or Disk(file.parent, settings.free_bytes)
        self.generation = 0
        self._settings = settings
        self._writer = ThreadPoolExecutor(1, "store-writer")
        self._readers = ThreadPoolExecutor(READERS, "store-reader")
        self._database: DuckDBPyConnection | None = None
        self._open()

    @property
    def trouble(self) -> str | None:
        """Why nothing can be written now, or None."""
        return self.disk.trouble

    async def write(self, work: Work[Result], *, always: bool = False) -> Result:
        """Run `work` in a transaction of its own, after those asked for before. Raises DiskFull.

        `always`: even while the disk is short of room, for what makes room.
        """
        return await asyncio.get_running_loop().run_in_executor(
            self._writer, partial(self._written, work, always=always)
        )

    async def read(self, work: Work[Result], seconds: float | None = None) -> Result:
        """Run `work` on a connection that sees the last commit. Raises QueryTooSlow after so many seconds."""
        seconds = seconds or self._settings.query_seconds
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, work, seconds)

    async def rows(self, sql: str, parameters: Sequence[Any] = (), seconds: float | None = None) -> list[Any]:
        """All rows of one query."""
        return await self.read(lambda connection: connection.execute(sql, list(parameters)).fetchall(), seconds)

    async def recovered(self) -> bool:
        """Look at the disk, and open the file again where that is needed and possible. Whether it can be written."""
        return await asyncio.get_running_loop().run_in_executor(self._writer, self._recovered)

    async def checkpoint(self) -> None:
        """Move the write-ahead log into the file, so that deleted rows free their blocks."""
        await asyncio.get_running_loop().run_in_executor(self._writer, self._checkpoint)

    def changed(self) -> None:
        """Tell that rows went which others may count on: `generation` counts these times, and openings of the file."""
        self.generation += 1

    def close(self) -> None:
        """Finish what runs and close the file."""
        self._writer.shutdown()
        self._readers.shutdown()
        self._drop()

    def _open(self) -> None:
        try:
            self._database = files.opened(self.file, self._settings.memory_bytes)
            self.generation += 1
        except duckdb.Error as error:
            if "lock on file" in str(error):
                raise TelemetryUnavailable(
                    f"Another process has {self.file} open.", next_step="Stop it: one process owns the file."
                ) from None
            self.disk.failed(error)

    def _recovered(self) -> bool:
        if self.disk.check() is not None:
            return False
        if self._database is None:
            self._open()
        return self._database is not None

    def _drop(self) -> None:
        database, self._database = self._database, None
        if database is not None:
            database.close()

    def _connection(self) -> DuckDBPyConnection:
        if self._database is None:
            raise TelemetryUnavailable(f"The store cannot be opened: {self.disk.trouble or 'the disk failed'}.")
        return self._database

    def _checkpoint(self) -> None:
        try:
            self._connection().execute("CHECKPOINT").fetchall()
        except duckdb.Error as error:
            if not files.is_disks_fault(error):
                raise
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        """The connection is useless after such an error, until it is opened again."""
        self._drop()
        self.disk.failed(error)

    def _written(self, work: Work[Result], *, always: bool) -> Result:
        if not self._recovered() and not (always and self._database):
            raise DiskFull(
                f"Telemetry is not stored now: {self.disk.trouble}.", next_step="Make room; it goes on by itself."
            )
        connection = self._connection()
        try:
            return _in_transaction(connection, work)
        except duckdb.Error as error:
            if not files.is_disks_fault(error):
                raise
            self._fail(error)
            raise DiskFull(f"Telemetry could not be written: {self.disk.trouble}.") from error

    def _read(self, work: Work[Result], seconds: float) -> Result:
        cursor = self._connection().cursor()
        watch = threading.Timer(seconds, cursor.interrupt)
        watch.start()
        try:
            return work(cursor)
        except duckdb.InterruptException:
            raise QueryTooSlow(
                f"The query was stopped after {seconds:g} s.", next_step="Ask for a shorter time, or filter by more."
            ) from None
        except duckdb.OutOfMemoryException:
            raise QueryTooSlow(
                "The query needs more memory than the store may use.",
                next_step="Ask for a shorter time, or raise telemetry.memory_bytes.",
            ) from None
        except (duckdb.FatalException, duckdb.ConnectionException) as error:
            raise TelemetryUnavailable(f"The store failed while it was read: {str(error)[:200]}") from None
        finally:
            watch.cancel()
            cursor.close()


def _in_transaction(connection: DuckDBPyConnection, work: Work[Result]) -> Result:
    connection.begin()
    try:
        result = work(connection)
        connection.commit()
    except BaseException:
        _roll_back(connection)
        raise
    return result


def _roll_back(connection: DuckDBPyConnection) -> None:
    try:
        connection.rollback()
    except duckdb.Error as error:  # the failure that led here is the one to tell of
        _log.debug("nothing to roll back", error=str(error))
