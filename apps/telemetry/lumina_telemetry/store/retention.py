"""What is old goes: by age, and by bytes on disk beyond which the oldest of what takes most goes first.

A delete frees whole blocks, because rows lie in the order of their time; the file uses them again, and gives back those
at its end. Work is done in slices, so that what comes in never waits long.
"""

import asyncio
import time
from collections.abc import Mapping
from functools import partial
from types import MappingProxyType

from duckdb import DuckDBPyConnection

from lumina_kit import logs
from lumina_kit.errors import Unavailable
from lumina_telemetry.settings import TelemetrySettings
from lumina_telemetry.store import files
from lumina_telemetry.store.store import Store

ROW_BYTES: Mapping[str, int] = MappingProxyType({"spans": 160, "logs": 120, "numbers": 12, "histograms": 60})
"""Tables whose rows grow old, with about what a row takes."""

SWEEP_SECONDS = 60.0
SWEEPS_BETWEEN_TIDYING = 60
DAY = 86_400 * 10**9
SLICE = 200_000
FULL, ENOUGH = 0.95, 0.85
"""Shares of the allowed bytes: beyond the first, deleting goes on down to the second."""
MOST_ROUNDS = 8

_UNUSED = MappingProxyType(
    {
        "series": "SELECT id FROM series ANTI JOIN"
        " (SELECT series FROM numbers UNION SELECT series FROM histograms) AS used ON used.series = series.id",
        "resources": "SELECT id FROM resources ANTI JOIN"
        " (SELECT resource FROM spans UNION SELECT resource FROM logs) AS used ON used.resource = resources.id",
    }
)
_log = logs.get(__name__)


class Retention:
    """Sweeps every minute, from the first start on."""

    def __init__(self, store: Store, settings: TelemetrySettings) -> None:
        self._store = store
        self._settings = settings

    async def run(self) -> None:
        """Sweep until cancelled."""
        sweeps = 0
        while True:
            await self._try(tidy=sweeps % SWEEPS_BETWEEN_TIDYING == SWEEPS_BETWEEN_TIDYING - 1)
            sweeps += 1
            await asyncio.sleep(SWEEP_SECONDS)

    async def sweep(self, now_ns: int) -> int:
        """Delete what is too old, then what is too much. The number of rows."""
        cutoff = now_ns - round(self._settings.retention_days * DAY)
        deleted = 0
        for table in ROW_BYTES:
            deleted += await self._delete_before(table, cutoff)
        return deleted + await self._shrink()

    async def tidy(self) -> int:
        """Forget the series and senders of which nothing is left. Their number."""
        count = 0
        for table, unused in _UNUSED.items():
            if await self._store.rows(f"{unused} LIMIT 1"):
                count += await self._store.write(partial(self._forget, table=table), always=True)
        return count

    def _forget(self, connection: DuckDBPyConnection, table: str) -> int:
        """Runs in the writer's turn, and so does the look at what is unused: a point may have come since the first."""
        self._store.changed()
        ((count,),) = connection.execute(f"DELETE FROM {table} WHERE id IN ({_UNUSED[table]})").fetchall()  # nosec B608
        return int(count)

    async def _try(self, *, tidy: bool) -> None:
        try:
            await self.sweep(time.time_ns())
            if tidy:
                await self.tidy()
        except Unavailable as error:
            _log.warning("retention did not get through", error=error.message)

    async def _shrink(self) -> int:
        allowed = self._settings.retention_bytes
        used, deleted = await self.used(), 0
        if used <= FULL * allowed:
            return 0
        for _ in range(MOST_ROUNDS):
            deleted += await self._delete_oldest(used - ENOUGH * allowed)
            await self._store.checkpoint()
            used = await self.used()
            if used <= ENOUGH * allowed:
                break
        _log.info("telemetry's oldest rows went to stay within its bytes", rows=deleted, bytes=used)
        return deleted

    async def used(self) -> int:
        """Bytes that the rows take on disk; free blocks within the file are not among them."""
        ((blocks, size),) = await self._store.rows("SELECT used_blocks, block_size FROM pragma_database_size()")
        return int(blocks * size) + files.wal_size(self._store.file)

    async def _delete_oldest(self, size: float) -> int:
        counts = {table: (await self._store.rows(f"SELECT count(*) FROM {table}"))[0][0] for table in ROW_BYTES}
        heaviest = max(ROW_BYTES, key=lambda table: counts[table] * ROW_BYTES[table])
        share = min(0.5, size / max(1, counts[heaviest] * ROW_BYTES[heaviest]))
        ((cutoff,),) = await self._store.rows(f"SELECT approx_quantile(time_ns, {share:.6f}) FROM {heaviest}")
        return 0 if cutoff is None else await self._delete_before(heaviest, cutoff)

    async def _delete_before(self, table: str, cutoff_ns: int) -> int:
        deleted = 0
        while (count := await self._old(table, cutoff_ns)) > 0:
            await self._store.write(partial(_delete, table=table, cutoff_ns=cutoff_ns), always=True)
            deleted += min(count, SLICE)
        return deleted

    async def _old(self, table: str, cutoff_ns: int) -> int:
        ((count,),) = await self._store.rows(f"SELECT count(*) FROM {table} WHERE time_ns < ?", [cutoff_ns])
        return int(count)


def _delete(connection: DuckDBPyConnection, table: str, cutoff_ns: int) -> None:
    old = f"SELECT rowid FROM {table} WHERE time_ns < ? LIMIT {SLICE}"  # nosec B608
    connection.execute(f"DELETE FROM {table} WHERE rowid IN ({old})", [cutoff_ns]).fetchall()  # nosec B608
