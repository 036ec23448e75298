"""Keys in the database: digests, never secrets. A project sees its own only."""

from datetime import datetime
from uuid import UUID

from pydantic import JsonValue
from sqlalchemy import JSON, ColumnElement, ForeignKey, Select, String, Text, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from lumina_governance.errors import no_key
from lumina_governance.keys.models import Key, Secret, is_covered
from lumina_governance.limits.columns import LimitsColumns
from lumina_governance.limits.models import Limits
from lumina_governance.people.store import PersonRow, as_person
from lumina_kit.database import Id, Model
from lumina_kit.pages import Page, below, cursor_of, page_of
from lumina_kit.roles import Role, Scope


class KeyRow(LimitsColumns, Model):
    __tablename__ = "governance_keys"

    id: Mapped[Id]
    project_id: Mapped[UUID] = mapped_column(ForeignKey("governance_projects.id"), index=True)
    name: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    last_four: Mapped[str] = mapped_column(String(4))
    role: Mapped[str | None] = mapped_column(String(20))
    scopes: Mapped[list[str]] = mapped_column(JSON)
    maker_id: Mapped[UUID | None] = mapped_column(ForeignKey("governance_people.id"), index=True)
    is_builtin: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None] = mapped_column(index=True)
    kept: Mapped[dict[str, JsonValue] | None] = mapped_column("metadata", JSON(none_as_null=True))


class KeyStore:
    """Reads and writes in the session's transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, key: Key, secret: Secret) -> None:
        content = key.model_dump(mode="python", exclude={"scopes", "limits", "metadata"})
        scopes = [str(scope) for scope in key.scopes]
        row = KeyRow(sha256=secret.sha256, scopes=scopes, kept=key.metadata or None, **content)
        row.set_limits(key.limits)
        self._session.add(row)
        await self._session.flush()

    async def get(self, key_id: UUID, project_id: UUID) -> Key:
        """A key of this project. Raises KeyNotFound."""
        return _key(await self._row(select(KeyRow).where(KeyRow.id == key_id, KeyRow.project_id == project_id)))

    async def locked(self, key_id: UUID, project_id: UUID) -> Key:
        """The same, and nobody else changes it until the transaction ends. Raises KeyNotFound."""
        found = select(KeyRow).where(KeyRow.id == key_id, KeyRow.project_id == project_id)
        return _key(await self._row(found.with_for_update()))

    async def set_limits(self, key_id: UUID, limits: Limits) -> None:
        await self._session.execute(update(KeyRow).where(KeyRow.id == key_id).values(**limits.columns()))

    async def _row(self, query: Select[KeyRow]) -> KeyRow:
        row: KeyRow | None = await self._session.scalar(query)
        if row is None:
            raise no_key()
        return row

    async def by_digest(self, sha256: str) -> Key | None:
        """The key with this digest, of any project, in force or not."""
        row = await self._session.scalar(select(KeyRow).where(KeyRow.sha256 == sha256))
        return _key(row) if row else None

    async def with_digest(self, key_id: UUID) -> tuple[str, Key]:
        """A key of any project, behind its digest. Raises KeyNotFound."""
        row = await self._row(select(KeyRow).where(KeyRow.id == key_id))
        return row.sha256, _key(row)

    async def named(self, name: str, project_id: UUID) -> list[Key]:
        """The project's keys of this name that are not revoked."""
        query = select(KeyRow).where(KeyRow.name == name, KeyRow.project_id == project_id, KeyRow.revoked_at.is_(None))
        return [_key(row) for row in await self._session.scalars(query)]

    async def maker_of(self, key_id: UUID) -> UUID | None:
        """The person who made a key; nobody made Lumina's own."""
        found: UUID | None = await self._session.scalar(select(KeyRow.maker_id).where(KeyRow.id == key_id))
        return found

    async def page(self, project_id: UUID, cursor: str | None, limit: int) -> Page[Key]:
        """The project's keys from the cursor on, newest first, revoked ones included. Raises BadCursor."""
        query = select(KeyRow).where(KeyRow.project_id == project_id, *below(KeyRow.created_at, KeyRow.id, cursor))
        rows = await self._session.scalars(query.order_by(KeyRow.created_at.desc(), KeyRow.id.desc()).limit(limit + 1))
        keys = [_key(row) for row in rows]
        return page_of(keys, limit, [cursor_of(key.created_at.isoformat(), str(key.id)) for key in keys])

    async def builtin(self) -> list[Key]:
        """The built-in keys that are not revoked; one, unless something went wrong."""
        query = select(KeyRow).where(KeyRow.is_builtin, KeyRow.revoked_at.is_(None))
        return [_key(row) for row in await self._session.scalars(query)]

    async def revoke(self, key_id: UUID, now: datetime) -> None:
        await self._session.execute(update(KeyRow).where(KeyRow.id == key_id).values(revoked_at=now))

    async def accepted(self, now: datetime) -> list[tuple[str, Key]]:
        """Every key in force, of all projects, with its digest, by id."""
        query = _with_maker().where(KeyRow.revoked_at.is_(None)).order_by(KeyRow.id)
        found = [(row, _key(row), maker) for row, maker in await self._session.execute(query)]
        return [(row.sha256, key) for row, key, maker in found if _is_accepted(key, maker, now)]

    async def accepted_by_digest(self, sha256: str, now: datetime) -> Key | None:
        """The key with this digest, if it is in force."""
        return await self._accepted(KeyRow.sha256 == sha256, now)

    async def accepted_by_id(self, key_id: UUID, now: datetime) -> Key | None:
        """The key with this id, if it is in force."""
        return await self._accepted(KeyRow.id == key_id, now)

    async def _accepted(self, which: ColumnElement[bool], now: datetime) -> Key | None:
        found = (await self._session.execute(_with_maker().where(which))).first()
        if found is None:
            return None
        key = _key(found[0])
        return key if _is_accepted(key, found[1], now) else None


def _with_maker() -> Select[KeyRow, PersonRow]:
    return select(KeyRow, PersonRow).outerjoin(PersonRow, PersonRow.id == KeyRow.maker_id)


def _is_accepted(key: Key, maker: PersonRow | None, now: datetime) -> bool:
    return key.is_in_force(now) and is_covered(key, as_person(maker) if maker else None)


def _key(row: KeyRow) -> Key:
    return Key(
        id=row.id,
        project_id=row.project_id,
        name=row.name,
        role=Role(row.role) if row.role else None,
        scopes=tuple(Scope(scope) for scope in row.scopes),
        last_four=row.last_four,
        maker_id=row.maker_id,
        is_builtin=row.is_builtin,
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        limits=row.limits,
        metadata=row.kept or {},
    )
