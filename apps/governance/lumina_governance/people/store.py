"""People and their projects in the database. Only `password_of` lets a password's hash out."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Select, String, Text, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lumina_governance.errors import LoginTaken, no_person
from lumina_governance.people.models import Person
from lumina_kit.database import Id, Model
from lumina_kit.roles import Role


class MembershipRow(Model):
    __tablename__ = "governance_memberships"

    person_id: Mapped[UUID] = mapped_column(ForeignKey("governance_people.id", ondelete="CASCADE"), primary_key=True)
    project_id: Mapped[UUID] = mapped_column(ForeignKey("governance_projects.id"), primary_key=True, index=True)
    position: Mapped[int]  # the first is the one a session acts in unless it names another


class PersonRow(Model):
    __tablename__ = "governance_people"

    id: Mapped[Id]
    login: Mapped[str] = mapped_column(String(128), unique=True)
    display_name: Mapped[str] = mapped_column(Text)
    role: Mapped[str] = mapped_column(String(20))
    password_hash: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]

    memberships: Mapped[list[MembershipRow]] = relationship(
        lazy="selectin", order_by=MembershipRow.position, cascade="all, delete-orphan"
    )


class PersonStore:
    """Reads and writes in the session's transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, person: Person, password_hash: str | None) -> None:
        """Raises LoginTaken."""
        row = PersonRow(password_hash=password_hash, **person.model_dump(exclude={"project_ids", "has_password"}))
        row.memberships = _memberships(person)
        self._session.add(row)
        try:
            await self._session.flush()
        except IntegrityError:
            raise LoginTaken(f"There is a person {person.login} already.", next_step="Take another login.") from None

    async def get(self, person_id: UUID) -> Person:
        """Raises PersonNotFound."""
        return as_person(await self._row(select(PersonRow).where(PersonRow.id == person_id), str(person_id)))

    async def by_login(self, login: str) -> Person:
        """Raises PersonNotFound."""
        return as_person(await self._row(select(PersonRow).where(PersonRow.login == login), login))

    async def password_of(self, login: str) -> tuple[Person, str | None] | None:
        """A person with the stored hash, if there is one with this login."""
        row = await self._session.scalar(select(PersonRow).where(PersonRow.login == login))
        return (as_person(row), row.password_hash) if row else None

    async def all(self) -> list[Person]:
        """Everyone, by login."""
        return [as_person(row) for row in await self._session.scalars(select(PersonRow).order_by(PersonRow.login))]

    async def locked_admins(self) -> list[Person]:
        """The active admins, locked until the transaction ends: of two removals at once one must see the other."""
        admins = select(PersonRow).where(PersonRow.role == Role.ADMIN, PersonRow.disabled_at.is_(None))
        return [as_person(row) for row in await self._session.scalars(admins.order_by(PersonRow.id).with_for_update())]

    async def save(self, person: Person) -> None:
        """Write everything but login and password."""
        row = await self._row(select(PersonRow).where(PersonRow.id == person.id), str(person.id))
        row.display_name, row.role, row.disabled_at = person.display_name, person.role, person.disabled_at
        if tuple(member.project_id for member in row.memberships) != person.project_ids:
            row.memberships = _memberships(person)
        await self._session.flush()

    async def set_password(self, person_id: UUID, password_hash: str) -> None:
        """Raises PersonNotFound."""
        row = await self._row(select(PersonRow).where(PersonRow.id == person_id), str(person_id))
        row.password_hash = password_hash
        await self._session.flush()

    async def _row(self, query: Select[PersonRow], name: str) -> PersonRow:
        row: PersonRow | None = await self._session.scalar(query)
        if row is None:
            raise no_person(name)
        return row


def _memberships(person: Person) -> list[MembershipRow]:
    return [
        MembershipRow(person_id=person.id, project_id=project_id, position=position)
        for position, project_id in enumerate(person.project_ids)
    ]


def as_person(row: PersonRow) -> Person:
    """The person in a row."""
    return Person(
        id=row.id,
        login=row.login,
        display_name=row.display_name,
        role=Role(row.role),
        project_ids=tuple(member.project_id for member in row.memberships),
        has_password=row.password_hash is not None,
        created_at=row.created_at,
        disabled_at=row.disabled_at,
    )
