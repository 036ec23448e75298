"""The store of one machine: a SQLite file, used from one thread of its own."""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Self, TypeVar
from uuid import uuid4

from lumina_inference.gateway.limits import tables
from lumina_inference.gateway.limits.localfile import LocalFile
from lumina_inference.gateway.limits.owners import OwnerLock, bury_if_dead
from lumina_inference.gateway.limits.store import Answer, Counter, Report, Sale, StoreUnavailable, Sum
from lumina_kit.clock import Clock, utc_now

_RECONCILE_SECONDS = 2.0
_PRUNE_SECONDS = 600.0
T = TypeVar("T")


class LocalStore:
    """Shared by every gateway process that opens the same folder.

    A report is one transaction: one that failed added nothing, so its number need not be kept.
    """

    def __init__(self, folder: Path, now: Clock = utc_now) -> None:
        self._folder = folder
        self._now = now
        self._owner = uuid4().hex
        self._file = LocalFile(folder)
        self._lock = OwnerLock(folder, self._owner)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="limits")
        self._reconciled = self._pruned = float("-inf")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *failure: object) -> None:
        with suppress(StoreUnavailable):  # the leases are then freed as those of the dead are
            await self._run(lambda db: _in_transaction(db, lambda: tables.forget(db, self._owner)))
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown()

    async def exchange(self, report: Report) -> Answer:
        return await self._run(lambda db: _in_transaction(db, lambda: self._exchange(db, report)))

    async def settled(self, counter: Counter) -> int:
        return await self._run(lambda db: tables.settled(db, counter))

    async def sales(self, day: int) -> dict[Sale, Sum]:
        return await self._run(lambda db: tables.sales(db, day))

    async def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._attempt, work)

    def _attempt(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """A broken file is replaced and asked again; any other failure is told, and the file opened anew next time."""
        try:
            try:
                return work(self._ready())
            except sqlite3.Error as error:
                if not self._file.replaced(error):
                    raise
                return work(self._ready())
        except (sqlite3.Error, OSError) as error:
            self._file.close()
            raise StoreUnavailable(str(error)) from error

    def _ready(self) -> sqlite3.Connection:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock.hold()
        return self._file.connection()

    def _exchange(self, db: sqlite3.Connection, report: Report) -> Answer:
        self._keep_house(db)
        tables.register(db, self._owner)
        owners = len(tables.owners(db))
        tables.add_sales(db, report.sales)
        return Answer(tuple(tables.settle(db, line, self._owner, owners) for line in report.lines), owners)

    def _keep_house(self, db: sqlite3.Connection) -> None:
        moment = time.monotonic()
        if moment - self._reconciled >= _RECONCILE_SECONDS:
            self._reconciled = moment
            for owner in tables.owners(db):
                if owner != self._owner and bury_if_dead(self._folder, owner):
                    tables.forget(db, owner)
        if moment - self._pruned >= _PRUNE_SECONDS:
            self._pruned = moment
            tables.prune(db, self._now().timestamp())

    def _close(self) -> None:
        self._file.close()
        with suppress(OSError):
            self._lock.release()


def _in_transaction(db: sqlite3.Connection, work: Callable[[], T]) -> T:
    db.execute("BEGIN IMMEDIATE")
    try:
        result = work()
        db.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            db.execute("ROLLBACK")
        raise
    return result
