"""The embedded database: one file, one writer, a few readers, each query bounded in time."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import duckdb
from duckdb import DuckDBPyConnection

from lumina_telemetry.errors import QueryTooSlow
from lumina_telemetry.settings import TelemetrySettings
from lumina_telemetry.store import schema

READERS = 2
Result = TypeVar("Result")
Work = Callable[[DuckDBPyConnection], Result]


@dataclass(frozen=True)
class Limits:
    """How long a query may take, in seconds."""

    seconds: float


class Store:
    """Writes one transaction at a time; reads beside it, from the last committed state."""

    def __init__(self, file: Path, settings: TelemetrySettings) -> None:
        self.file = file
        self._settings = settings
        self._writer = ThreadPoolExecutor(1, "store-writer")
        self._readers = ThreadPoolExecutor(READERS, "store-reader")
        self._database = self._open()

    def _open(self) -> DuckDBPyConnection:
        self.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        megabytes = self._settings.memory_bytes // 2**20
        connection = duckdb.connect(str(self.file), config={"memory_limit": f"{megabytes}MB", "threads": 1})
        connection.execute(schema.TABLES)
        return connection

    async def write(self, work: Work[Result]) -> Result:
        """Run `work` in a transaction of its own, after those asked for before."""
        return await asyncio.get_running_loop().run_in_executor(self._writer, self._written, work)

    async def read(self, work: Work[Result], seconds: float | None = None) -> Result:
        """Run `work` on a connection that sees the last commit. Raises QueryTooSlow after so many seconds."""
        seconds = seconds or self._settings.query_seconds
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, work, seconds)

    async def rows(self, sql: str, parameters: Sequence[Any] = (), seconds: float | None = None) -> list[Any]:
        """All rows of one query."""
        return await self.read(lambda connection: connection.execute(sql, list(parameters)).fetchall(), seconds)

    def close(self) -> None:
        """Finish what runs and close the file."""
        self._writer.shutdown()
        self._readers.shutdown()
        self._database.close()

    def _written(self, work: Work[Result]) -> Result:
        connection = self._database
        connection.begin()
        try:
            result = work(connection)
            connection.commit()
        except BaseException:
            connection.rollback()
            raise
        return result

    def _read(self, work: Work[Result], seconds: float) -> Result:
        cursor = self._database.cursor()
        watch = threading.Timer(seconds, cursor.interrupt)
        watch.start()
        try:
            return work(cursor)
        except duckdb.InterruptException:
            raise QueryTooSlow(
                f"The query was stopped after {seconds:g} s.", next_step="Ask for a shorter time, or filter by more."
            ) from None
        finally:
            watch.cancel()
            cursor.close()
