"""What can be done with captured content: keep it for a time, show it to who may read it, forget it."""

import asyncio
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from lumina_contracts.content import ContentRecord
from lumina_contracts.protocols import Access, AccessLog, Action, Retention, Retentions
from lumina_kit.auth import Principal
from lumina_kit.clock import Clock
from lumina_kit.database import Database
from lumina_kit.masterkey import MasterKey
from lumina_kit.pages import Page
from lumina_telemetry.content.models import Content, ContentEntry, Deleted
from lumina_telemetry.content.sealing import entry, opened, sealed_rows
from lumina_telemetry.content.store import ContentRow, ContentStore, cursor_behind
from lumina_telemetry.errors import CaptureOff, ContentNotFound, DiskFull
from lumina_telemetry.settings import TelemetrySettings

T = TypeVar("T")


@dataclass(frozen=True)
class Contents:
    """`folder` is where a database of files lies; its disk is not filled to the last byte."""

    database: Database
    folder: Path
    key: MasterKey
    retentions: Retentions
    access_log: AccessLog
    settings: TelemetrySettings
    now: Clock

    async def keep(self, records: Sequence[ContentRecord]) -> int:
        """Store those of projects that capture now, and say how many. Raises DiskFull."""
        decided = await self.retentions.retentions()
        wanted = [record for record in records if _captures(decided.get(_uuid(record.project)))]
        if not wanted:
            return 0
        self._check_disk()
        rows = await asyncio.to_thread(sealed_rows, self.key, wanted, self.now())
        async with self.database.session() as session:
            ContentStore(session).add(rows)
        return len(rows)

    async def entries(self, who: Principal, cursor: str | None, limit: int) -> Page[ContentEntry]:
        """What the project keeps, newest first, without the words. Raises BadCursor, CaptureOff."""
        retention = await self._decided(who)
        async with self.database.session() as session:
            found = ContentStore(session)
            rows = await found.newest(who.project_id, self._since(retention), cursor, limit + 1)
        if not rows and cursor is None and not retention.capturing:
            raise _off(who)
        return _page([entry(row) for row in rows[:limit]], rows, limit)

    async def read(
        self, who: Principal, trace_id: str, why: str | None, cursor: str | None, limit: int
    ) -> Page[Content]:
        """A trace's content, newest first. The access log has it before the caller does.

        Raises BadCursor, CaptureOff, ContentNotFound.
        """
        retention = await self._decided(who)
        async with self.database.session() as session:
            store = ContentStore(session)
            rows = await store.of_trace(who.project_id, trace_id, self._since(retention), cursor, limit + 1)
        if not rows:
            raise _nothing(who, trace_id, retention)
        await self.access_log.note(_access("content.read", who, trace_id, len(rows[:limit]), why))
        shown = await asyncio.to_thread(opened, self.key, rows[:limit])
        return _page(shown, [row for row, _ in rows], limit)

    async def forget(self, who: Principal, trace_id: str | None, why: str | None) -> Deleted:
        """Delete a trace's content, or all of the project's; none is no error."""
        async with self.database.session() as session:
            count = await ContentStore(session).count(who.project_id, trace_id)
        if count:
            await self.access_log.note(_access("content.deleted", who, trace_id, count, why))
            async with self.database.session() as session:
                await ContentStore(session).delete(who.project_id, trace_id)
        return Deleted(deleted=count)

    async def prune(self) -> None:
        """Delete what has outlived its project's retention; then the oldest of all, while there is too much."""
        decided = await self.retentions.retentions()
        async with self.database.session() as session:
            store = ContentStore(session)
            for project in await store.projects():
                retention = decided.get(project)
                await store.delete_older(project, self._since(retention) if retention else self.now())
        while await self._has_too_much():
            async with self.database.session() as session:
                await ContentStore(session).delete_oldest()

    async def _has_too_much(self) -> bool:
        async with self.database.session() as session:
            return await ContentStore(session).size_bytes() > self.settings.content_bytes

    async def _decided(self, who: Principal) -> Retention:
        """Raises CaptureOff for a project that never captured anything."""
        retention = (await self.retentions.retentions()).get(who.project_id)
        if retention is None:
            raise _off(who)
        return retention

    def _since(self, retention: Retention) -> datetime:
        return self.now() - retention.keep

    def _check_disk(self) -> None:
        if self.database.is_sqlite and shutil.disk_usage(self.folder).free < self.settings.free_bytes:
            raise DiskFull(f"{self.folder} has no room for content.", next_step="Make room on its disk.")


def _captures(retention: Retention | None) -> bool:
    return retention is not None and retention.capturing


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        return UUID(int=0)  # no project has it


def _page(shown: list[T], rows: list[ContentRow], limit: int) -> Page[T]:
    return Page(items=shown, next_cursor=cursor_behind(rows[limit - 1]) if len(rows) > limit else None)


def _off(who: Principal) -> CaptureOff:
    return CaptureOff(
        f"Content capture is off in the project {who.project_id}, and nothing is kept of it.",
        next_step="An admin switches it on: `lumina projects capture NAME --on --days 30`. It holds from then on.",
    )


def _nothing(who: Principal, trace_id: str, retention: Retention) -> CaptureOff | ContentNotFound:
    if not retention.capturing:
        return _off(who)
    return ContentNotFound(
        f"No content is kept of the trace {trace_id[:64]} in this project.",
        next_step="It is of another project, older than the retention, or from before capture was switched on; "
        "`lumina content ls` lists what there is.",
    )


def _access(action: Action, who: Principal, trace_id: str | None, records: int, why: str | None) -> Access:
    return Access(
        action=action,
        actor_kind=who.kind,
        actor_id=str(who.id),
        actor_name=who.name,
        project_id=who.project_id,
        trace_id=trace_id,
        records=records,
        why=why,
    )
