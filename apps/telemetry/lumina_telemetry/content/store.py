"""Captured content in a database: `content.sqlite` in the home, or the Postgres of the rest. Bodies are sealed."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Index, LargeBinary, MetaData, String, delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from lumina_kit.database import Id, Model
from lumina_kit.pages import below, cursor_of

MOST_DELETED_AT_ONCE = 200


class ContentModel(DeclarativeBase):
    """The table has a file and a history of its own, apart from the platform's."""

    metadata = MetaData(naming_convention=Model.metadata.naming_convention)
    type_annotation_map = Model.type_annotation_map


class ContentRow(ContentModel):
    __tablename__ = "telemetry_content"
    __table_args__ = (
        Index("ix_telemetry_content_trace", "project_id", "trace_id"),
        Index("ix_telemetry_content_captured", "project_id", "captured_at"),
        Index("ix_telemetry_content_age", "captured_at"),
    )

    id: Mapped[Id]
    project_id: Mapped[UUID]
    trace_id: Mapped[str] = mapped_column(String(32))
    span_id: Mapped[str] = mapped_column(String(16))
    at: Mapped[datetime]
    captured_at: Mapped[datetime]
    source: Mapped[str] = mapped_column(String(10))
    kind: Mapped[str] = mapped_column(String(10))
    request_id: Mapped[str | None] = mapped_column(String(256))
    key_id: Mapped[str | None] = mapped_column(String(256))
    route: Mapped[str | None] = mapped_column(String(256))
    model: Mapped[str | None] = mapped_column(String(256))
    status: Mapped[int | None]
    size_bytes: Mapped[int]
    cut: Mapped[bool]
    sealed_bytes: Mapped[int]
    sealed: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)


class ContentStore:
    """Reads and writes in the session's transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    def add(self, rows: Sequence[ContentRow]) -> None:
        self._session.add_all(rows)

    async def newest(self, project: UUID, since: datetime, cursor: str | None, limit: int) -> list[ContentRow]:
        """A project's rows without their bodies, newest first. Raises BadCursor."""
        query = select(ContentRow).where(*_kept(project, since), *below(ContentRow.captured_at, ContentRow.id, cursor))
        newest = query.order_by(ContentRow.captured_at.desc(), ContentRow.id.desc()).limit(limit)
        return list(await self._session.scalars(newest))

    async def of_trace(
        self, project: UUID, trace_id: str, since: datetime, cursor: str | None, limit: int
    ) -> list[tuple[ContentRow, bytes]]:
        """A trace's rows with their sealed bodies, newest first. Raises BadCursor."""
        passed = below(ContentRow.captured_at, ContentRow.id, cursor)
        conditions = (*_kept(project, since), ContentRow.trace_id == trace_id, *passed)
        query = select(ContentRow, ContentRow.sealed).where(*conditions)
        newest = query.order_by(ContentRow.captured_at.desc(), ContentRow.id.desc()).limit(limit)
        return [(row, sealed) for row, sealed in await self._session.execute(newest)]

    async def count(self, project: UUID, trace_id: str | None) -> int:
        """How many rows there are of a trace, or of the whole project."""
        found = await self._session.scalar(select(func.count()).where(*_of(project, trace_id)))
        return found or 0

    async def delete(self, project: UUID, trace_id: str | None) -> None:
        await self._session.execute(delete(ContentRow).where(*_of(project, trace_id)))

    async def projects(self) -> list[UUID]:
        """Those that have rows."""
        return list(await self._session.scalars(select(ContentRow.project_id).distinct()))

    async def delete_older(self, project: UUID, than: datetime) -> None:
        await self._session.execute(
            delete(ContentRow).where(ContentRow.project_id == project, ContentRow.captured_at <= than)
        )

    async def size_bytes(self) -> int:
        """Of all sealed bodies together."""
        return int(await self._session.scalar(select(func.coalesce(func.sum(ContentRow.sealed_bytes), 0))) or 0)

    async def delete_oldest(self) -> None:
        """The oldest rows of all projects, some at once."""
        oldest = select(ContentRow.id).order_by(ContentRow.captured_at, ContentRow.id).limit(MOST_DELETED_AT_ONCE)
        await self._session.execute(delete(ContentRow).where(ContentRow.id.in_(oldest.scalar_subquery())))


def cursor_behind(row: ContentRow) -> str:
    """Where the next page begins."""
    return cursor_of(row.captured_at.isoformat(), str(row.id))


def _of(project: UUID, trace_id: str | None) -> list[ColumnElement[bool]]:
    of_project = [ContentRow.project_id == project]
    return of_project if trace_id is None else [*of_project, ContentRow.trace_id == trace_id]


def _kept(project: UUID, since: datetime) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return ContentRow.project_id == project, ContentRow.captured_at > since
