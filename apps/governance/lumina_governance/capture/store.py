"""What projects decided about content, in the database."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ForeignKey, String, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from lumina_contracts.protocols import Retention
from lumina_governance.capture.models import Capture, CaptureChanger
from lumina_kit.database import Database, Model


class CaptureRow(Model):
    __tablename__ = "governance_captures"

    project_id: Mapped[UUID] = mapped_column(ForeignKey("governance_projects.id"), primary_key=True)
    enabled: Mapped[bool]
    retention_days: Mapped[int]
    since: Mapped[datetime]
    actor_kind: Mapped[str] = mapped_column(String(10))
    actor_id: Mapped[str] = mapped_column(String(200))
    actor_name: Mapped[str] = mapped_column(String(200))


class CaptureStore:
    """Reads and writes in the session's transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def of(self, project_id: UUID) -> Capture:
        """Off for a project that never decided."""
        row = await self._session.get(CaptureRow, project_id)
        return _capture(row) if row else Capture()

    async def save(self, project_id: UUID, capture: Capture) -> None:
        """Write a decision, which has a number of days and who decided."""
        assert capture.changed_by is not None
        who = capture.changed_by
        await self._session.merge(
            CaptureRow(
                project_id=project_id,
                enabled=capture.enabled,
                retention_days=capture.retention_days,
                since=capture.since,
                actor_kind=who.kind,
                actor_id=who.id,
                actor_name=who.name[:200],
            )
        )
        await self._session.flush()

    async def capturing(self) -> tuple[UUID, ...]:
        """The projects that capture now, in order."""
        found = select(CaptureRow.project_id).where(CaptureRow.enabled).order_by(CaptureRow.project_id)
        return tuple(await self._session.scalars(found))

    async def all(self) -> dict[UUID, Retention]:
        """Every decision."""
        rows = await self._session.scalars(select(CaptureRow))
        return {row.project_id: Retention(row.enabled, timedelta(days=row.retention_days)) for row in rows}


@dataclass(frozen=True)
class RetentionsInForce:
    """A Retentions on the database."""

    database: Database

    async def retentions(self) -> Mapping[UUID, Retention]:
        async with self.database.session() as session:
            return await CaptureStore(session).all()


def _capture(row: CaptureRow) -> Capture:
    return Capture(
        enabled=row.enabled,
        retention_days=row.retention_days,
        since=row.since,
        changed_by=CaptureChanger(kind=row.actor_kind, id=row.actor_id, name=row.actor_name),
    )
