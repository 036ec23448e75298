"""Grants in the database."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, ForeignKey, String, Text, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from lumina_governance.errors import GrantNotFound
from lumina_governance.grants.models import Grant, Grantable, HolderKind
from lumina_kit.auth import Principal
from lumina_kit.database import Id, Model
from lumina_kit.pages import Page, below, cursor_of, page_of
from lumina_kit.roles import Permission


class GrantRow(Model):
    __tablename__ = "governance_grants"

    id: Mapped[Id]
    permission: Mapped[str] = mapped_column(String(60))
    holder_kind: Mapped[str] = mapped_column(String(10))
    holder_id: Mapped[UUID] = mapped_column(index=True)
    holder_name: Mapped[str] = mapped_column(String(200))
    project_id: Mapped[UUID] = mapped_column(ForeignKey("governance_projects.id"), index=True)
    granted_by: Mapped[str] = mapped_column(String(200))
    why: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class GrantStore:
    """Reads and writes in the session's transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, grant: Grant) -> None:
        self._session.add(GrantRow(**grant.model_dump(mode="python")))
        await self._session.flush()

    async def held(self, kind: HolderKind, holder: UUID, project_id: UUID, now: datetime) -> frozenset[Permission]:
        """What is granted to a person or key in a project, now."""
        query = select(GrantRow.permission).where(
            GrantRow.holder_id == holder,
            GrantRow.holder_kind == kind,
            GrantRow.project_id == project_id,
            *_in_force(now),
        )
        return frozenset(Permission(name) for name in await self._session.scalars(query))

    async def locked(self, grant_id: UUID) -> Grant:
        """Raises GrantNotFound."""
        row = await self._session.scalar(select(GrantRow).where(GrantRow.id == grant_id).with_for_update())
        if row is None:
            raise GrantNotFound(f"There is no grant {grant_id}.", next_step="`lumina access grants` lists them.")
        return _grant(row)

    async def in_force(self, like: Grant) -> list[Grant]:
        """Those of the same permission, holder and project that are in force when `like` is made; locked."""
        query = select(GrantRow).where(
            GrantRow.permission == like.permission,
            GrantRow.holder_id == like.holder_id,
            GrantRow.holder_kind == like.holder_kind,
            GrantRow.project_id == like.project_id,
            *_in_force(like.created_at),
        )
        return [_grant(row) for row in await self._session.scalars(query.with_for_update())]

    async def end(self, ended: Grant) -> None:
        await self._session.execute(update(GrantRow).where(GrantRow.id == ended.id).values(revoked_at=ended.revoked_at))

    async def page(self, who: Principal, cursor: str | None, limit: int) -> Page[Grant]:
        """Newest first, those of the past too: of everywhere, or of the caller's project. Raises BadCursor."""
        visible = [] if who.everywhere else [GrantRow.project_id == who.project_id]
        query = select(GrantRow).where(*visible, *below(GrantRow.created_at, GrantRow.id, cursor))
        ordered = query.order_by(GrantRow.created_at.desc(), GrantRow.id.desc()).limit(limit + 1)
        grants = [_grant(row) for row in await self._session.scalars(ordered)]
        return page_of(grants, limit, [cursor_of(each.created_at.isoformat(), str(each.id)) for each in grants])


def _in_force(now: datetime) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return GrantRow.revoked_at.is_(None), GrantRow.expires_at > now


def _grant(row: GrantRow) -> Grant:
    return Grant(
        id=row.id,
        permission=Grantable(row.permission),
        holder_kind="person" if row.holder_kind == "person" else "key",
        holder_id=row.holder_id,
        holder_name=row.holder_name,
        project_id=row.project_id,
        granted_by=row.granted_by,
        why=row.why,
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
    )
