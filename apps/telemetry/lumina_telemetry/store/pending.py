"""What came in and waits to be stored: bounded, written every second or when there is enough of it."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from duckdb import DuckDBPyConnection
from msgspec import Struct

from lumina_kit import logs
from lumina_telemetry.errors import DiskFull, IntakeFull, TelemetryUnavailable
from lumina_telemetry.measures import Measures
from lumina_telemetry.rows import Batch
from lumina_telemetry.settings import TelemetrySettings
from lumina_telemetry.store.births import zeros
from lumina_telemetry.store.known import Known
from lumina_telemetry.store.recent import Recent
from lumina_telemetry.store.refusing import Refusals
from lumina_telemetry.store.store import Store
from lumina_telemetry.store.writing import write

ENOUGH = 10_000
"""Rows at which a flush does not wait for its second."""
ROW_BYTES = 400
TEXTS = ("attributes", "events", "links", "body", "labels", "exemplars")

Listener = Callable[[Batch], None]
_log = logs.get(__name__)


class Pending:
    """The queue between intake and store. `offer` is for the event loop's thread alone."""

    def __init__(self, store: Store, settings: TelemetrySettings, measures: Measures) -> None:
        self._store = store
        self._settings = settings
        self._measures = measures
        self._waiting = Batch()
        self._flushing = 0
        self._bytes = 0
        self._since: float | None = None
        self._enough = asyncio.Event()
        self._known = Known()
        self._refusals = Refusals()
        self._loaded = 0
        self._recent = Recent()
        self._listeners: list[Listener] = []

    @property
    def rows(self) -> int:
        """Rows that are not on disk yet."""
        return _rows(self._waiting) + self._flushing

    @property
    def bytes(self) -> int:
        """About how much memory they take."""
        return self._bytes

    @property
    def age(self) -> float:
        """Seconds that the oldest of them waits."""
        return 0.0 if self._since is None else time.monotonic() - self._since

    def listen(self, listener: Listener) -> None:
        """Call with each batch that was stored."""
        self._listeners.append(listener)

    def offer(self, batch: Batch) -> None:
        """Queue a batch, all or nothing. Raises IntakeFull or DiskFull; duplicates of recent spans are dropped."""
        rows, size = _rows(batch), _bytes(batch)
        self._admit(rows, size)
        unseen = self._recent.unseen(batch.spans)
        if repeated := len(batch.spans) - len(unseen):
            self._measures.dropped("spans", "duplicate", repeated)
        batch.spans = unseen
        self._waiting.extend(batch)
        self._bytes += size
        self._since = self._since or time.monotonic()
        if _rows(self._waiting) >= ENOUGH:
            self._enough.set()

    async def run(self) -> None:
        """Store what comes in until cancelled."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._settings.flush_seconds):
                    await self._enough.wait()
            if not await self.flush():
                await asyncio.sleep(self._settings.flush_seconds)

    async def close(self) -> None:
        """Store what is left."""
        if not await self.flush():
            _drop(self._measures, self._waiting, "disk_full")

    async def flush(self) -> bool:
        """Store all that waits. False when the disk does not take it; then it goes on waiting."""
        self._enough.clear()
        batch, size, self._waiting = self._waiting, self._bytes, Batch()
        self._flushing, self._since = _rows(batch), None
        try:
            return await self._stored(batch)
        except (DiskFull, TelemetryUnavailable):
            self._waiting, batch = batch, self._waiting
            self._waiting.extend(batch)
            self._since, size = time.monotonic(), 0
            return False
        finally:
            self._flushing = 0
            self._bytes -= size

    def _admit(self, rows: int, size: int) -> None:
        if trouble := self._store.trouble:
            raise DiskFull(f"Telemetry is not stored now: {trouble}.", next_step="Make room; it goes on by itself.")
        settings = self._settings
        if self.rows + rows > settings.queue_rows or (self.rows and self._bytes + size > settings.queue_bytes):
            raise IntakeFull(f"{self.rows} rows wait to be stored.", retry_after=settings.flush_seconds)

    async def _stored(self, batch: Batch) -> bool:
        if not _rows(batch):
            return await self._store.recovered()
        try:
            fresh = await self._store.write(partial(self._write, batch=batch))
        except (DiskFull, TelemetryUnavailable):
            raise
        except Exception as error:  # noqa: BLE001 - one batch that the database refuses must not end the intake
            _log.error("a batch was not stored", rows=_rows(batch), exc_info=error)
            _drop(self._measures, batch, "failed")
            return True
        self._known.add(fresh)
        self._count(batch, fresh)
        self._tell(batch, fresh)
        for listener in self._listeners:
            listener(fresh)
        return True

    def _write(self, connection: DuckDBPyConnection, batch: Batch) -> Batch:
        """What is known is looked up in the writer's own turn: else a series could be forgotten before its point comes.

        A file that was opened anew may hold less than the one before; so may one that was tidied.
        """
        if self._loaded != self._store.generation:
            self._known.load(connection)
            self._loaded = self._store.generation
        fresh = self._known.fresh(batch)
        now_ns = time.time_ns()
        write(connection, zeros(fresh.series), now_ns)
        write(connection, fresh, now_ns)
        return fresh

    def _count(self, batch: Batch, fresh: Batch) -> None:
        for signal, count in _signals(fresh).items():
            self._measures.stored(signal, count)
        if lost := _signals(batch)["points"] - _signals(fresh)["points"]:
            self._measures.dropped("points", "too_many_series", lost)

    def _tell(self, batch: Batch, fresh: Batch) -> None:
        if _signals(batch)["points"] > _signals(fresh)["points"]:
            for project, points in self._known.crowded(batch, fresh).items():
                self._refusals.tell(project, points, "of what is stored, which becomes less as old points go")


def _signals(batch: Batch) -> dict[str, int]:
    return {"spans": len(batch.spans), "logs": len(batch.logs), "points": len(batch.numbers) + len(batch.histograms)}


def _drop(measures: Measures, batch: Batch, reason: str) -> None:
    for signal, count in _signals(batch).items():
        if count:
            measures.dropped(signal, reason, count)


def _lists(batch: Batch) -> list[list[Struct]]:
    return [getattr(batch, name) for name in batch.__struct_fields__]


def _rows(batch: Batch) -> int:
    return sum(len(rows) for rows in _lists(batch))


def _bytes(batch: Batch) -> int:
    """What the long texts take, and a flat sum a row for the rest."""
    total = 0
    for rows in _lists(batch):
        total += ROW_BYTES * len(rows)
        texts = [name for name in TEXTS if rows and name in rows[0].__struct_fields__]
        total += sum(len(getattr(row, name) or "") for row in rows for name in texts)
    return total
