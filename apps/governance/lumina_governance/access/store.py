"""The access log in the database: written once, never changed."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, ForeignKey, Integer, String, Text, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from lumina_contracts.protocols import Access
from lumina_governance.access.models import AccessEntry, AccessSearch
from lumina_governance.audit.models import Party
from lumina_governance.people.store import MembershipRow
from lumina_kit.auth import Principal
from lumina_kit.clock import Clock
from lumina_kit.database import Database, Id, Model
from lumina_kit.pages import Page, below, cursor_of, page_of


class AccessRow(Model):
    __tablename__ = "governance_access"

    id: Mapped[Id]
    at: Mapped[datetime] = mapped_column(index=True)
    action: Mapped[str] = mapped_column(String(60))
    actor_kind: Mapped[str] = mapped_column(String(10))
    actor_id: Mapped[str] = mapped_column(String(200), index=True)
    actor_name: Mapped[str] = mapped_column(String(200))
    project_id: Mapped[UUID] = mapped_column(ForeignKey("governance_projects.id"), index=True)
    trace_id: Mapped[str | None] = mapped_column(String(64), index=True)
    records: Mapped[int] = mapped_column(Integer)
    why: Mapped[str | None] = mapped_column(Text)


@dataclass(frozen=True)
class AccessBook:
    """An AccessLog on the database, each entry in a transaction of its own."""

    database: Database
    now: Clock

    async def note(self, access: Access) -> None:
        """Returns once the entry is on disk."""
        async with self.database.session() as session:
            session.add(
                AccessRow(
                    id=uuid4(),
                    at=self.now(),
                    action=access.action,
                    actor_kind=access.actor_kind,
                    actor_id=access.actor_id,
                    actor_name=access.actor_name[:200],
                    project_id=access.project_id,
                    trace_id=access.trace_id,
                    records=access.records,
                    why=access.why,
                )
            )


class AccessStore:
    """Reads in the session's transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def page(self, search: AccessSearch, who: Principal, cursor: str | None, limit: int) -> Page[AccessEntry]:
        """Newest first: a key sees its project's, a person those of their projects. Raises BadCursor."""
        passed = below(AccessRow.at, AccessRow.id, cursor)
        query = select(AccessRow).where(*_conditions(search), *_visible(who), *passed)
        ordered = query.order_by(AccessRow.at.desc(), AccessRow.id.desc()).limit(limit + 1)
        entries = [_entry(row) for row in await self._session.scalars(ordered)]
        return page_of(entries, limit, [cursor_of(entry.at.isoformat(), str(entry.id)) for entry in entries])


def _conditions(search: AccessSearch) -> list[ColumnElement[bool]]:
    conditions = []
    if search.actor is not None:
        conditions.append(AccessRow.actor_id == search.actor)
    if search.trace_id is not None:
        conditions.append(AccessRow.trace_id == search.trace_id)
    if search.since is not None:
        conditions.append(AccessRow.at >= search.since)
    if search.until is not None:
        conditions.append(AccessRow.at < search.until)
    return conditions


def _visible(who: Principal) -> list[ColumnElement[bool]]:
    if who.everywhere:
        return []
    if who.kind == "key":
        return [AccessRow.project_id == who.project_id]
    own = select(MembershipRow.project_id).where(MembershipRow.person_id == who.id)
    return [AccessRow.project_id.in_(own)]


def _entry(row: AccessRow) -> AccessEntry:
    return AccessEntry(
        id=row.id,
        at=row.at,
        action=row.action,
        actor=Party(kind=row.actor_kind, id=row.actor_id, name=row.actor_name),
        project_id=row.project_id,
        trace_id=row.trace_id,
        records=row.records,
        why=row.why,
    )
