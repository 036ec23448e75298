"""What can be done with people. Nobody is deleted: the ledger and the keys go on naming them."""

from dataclasses import dataclass
from uuid import UUID, uuid4

from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncSession

from lumina_contracts.events import PersonChanged
from lumina_governance.changes import announce, changed
from lumina_governance.errors import LastAdmin, no_person, no_project
from lumina_governance.people.models import NewPerson, Person, PersonUpdate
from lumina_governance.people.passwords import Passwords
from lumina_governance.people.store import PersonStore
from lumina_governance.projects.models import DEFAULT_SLUG
from lumina_governance.projects.store import ProjectStore
from lumina_governance.sessions.store import SessionStore
from lumina_kit.auth import Principal
from lumina_kit.clock import Clock
from lumina_kit.ledger import Actor


@dataclass(frozen=True)
class People:
    """Works in one transaction, which begins only after a password was hashed."""

    session: AsyncSession
    passwords: Passwords
    now: Clock

    @property
    def store(self) -> PersonStore:
        return PersonStore(self.session)

    async def visible_to(self, who: Principal) -> list[Person]:
        """Everyone, or the members of the caller's project, by login."""
        every = await self.store.all()
        return [person for person in every if _is_visible(person, who)]

    async def seen(self, person_id: UUID, who: Principal) -> Person:
        """Raises PersonNotFound, for one of another project too."""
        person = await self.store.get(person_id)
        if not _is_visible(person, who):
            raise no_person(str(person_id))
        return person

    async def create(self, new: NewPerson, who: Actor) -> Person:
        """Add a person. Raises LoginTaken, ProjectNotFound."""
        hashed = await self._hashed(new.password)
        person = Person(
            id=uuid4(),
            login=new.login,
            display_name=new.display_name or new.login,
            role=new.role,
            project_ids=await self._checked_projects(new.project_ids),
            has_password=hashed is not None,
            created_at=self.now(),
            disabled_at=None,
        )
        await self.store.add(person, hashed)
        await self._announce("person.created", who, None, person)
        return person

    async def change(self, person_id: UUID, update: PersonUpdate, who: Actor) -> Person:
        """Change role, name, projects, or disable. Raises PersonNotFound, ProjectNotFound, LastAdmin."""
        admins = await self.store.locked_admins()
        before = await self.store.get(person_id)
        after = update.applied(before, self.now())
        if admins == [before] and not after.is_active_admin:
            raise LastAdmin(f"{before.login} is the last admin.", next_step="Make someone else an admin first.")
        await self._checked_projects(after.project_ids)
        if after != before:
            await self._save(before, after, who)
        return after

    async def set_password(self, person_id: UUID, password: SecretStr, who: Actor) -> None:
        """Give a new password and end every session of the person. Raises PersonNotFound."""
        hashed = await self.passwords.hash(password.get_secret_value())
        person = await self.store.get(person_id)
        after = person.with_password()
        await self.store.set_password(person.id, hashed)
        await SessionStore(self.session).end_all(person.id)
        await self._announce("person.password_set", who, person, after)

    async def _save(self, before: Person, after: Person, who: Actor) -> None:
        await self.store.save(after)
        if not after.is_active:
            await SessionStore(self.session).end_all(after.id)
        await self._announce("person.changed", who, before, after)

    async def _announce(self, action: str, who: Actor, before: Person | None, after: Person) -> None:
        event = PersonChanged(occurred_at=self.now(), person_id=after.id)
        await announce(self.session, changed(action, after.login, who, before, after), event.occurred_at, event)

    async def _hashed(self, password: SecretStr | None) -> str | None:
        return await self.passwords.hash(password.get_secret_value()) if password else None

    async def _checked_projects(self, ids: tuple[UUID, ...]) -> tuple[UUID, ...]:
        projects = ProjectStore(self.session)
        if not ids:
            return ((await projects.named(DEFAULT_SLUG)).id,)
        missing = await projects.missing_of(frozenset(ids))
        if missing:
            raise no_project(str(min(missing)))
        return ids


def _is_visible(person: Person, who: Principal) -> bool:
    return who.everywhere or who.project_id in person.project_ids
