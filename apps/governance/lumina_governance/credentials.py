"""From a credential to a principal: what the kit asks for on every request."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from lumina_governance.errors import SignedOut, UnknownKey, no_project
from lumina_governance.grants.store import GrantStore
from lumina_governance.keys.models import Key, Secret
from lumina_governance.keys.store import KeyStore
from lumina_governance.people.models import Person
from lumina_governance.people.store import PersonStore
from lumina_governance.projects.store import ProjectStore
from lumina_governance.sessions.store import SessionStore
from lumina_governance.sessions.tokens import Tokens
from lumina_kit.auth import Principal
from lumina_kit.clock import Clock
from lumina_kit.database import Database
from lumina_kit.roles import Permission, Role


@dataclass(frozen=True)
class Credentials:
    """An Authenticator on the database: revoking, disabling and signing out count from the next request on."""

    database: Database
    tokens: Tokens
    now: Clock

    async def by_key(self, key: str, project: str | None) -> Principal:
        """Raises UnknownKey, and ProjectNotFound if the request names a project that is not the key's."""
        async with self.database.session() as session:
            found = await KeyStore(session).accepted_by_digest(Secret(key).sha256, self.now())
            if found is None:
                raise _unknown_key()
            allowed = None if found.is_builtin else (found.project_id,)
            acting_in = await _project(session, project, allowed, found.project_id)
            granted = await GrantStore(session).held("key", found.id, acting_in, self.now())
            return _of_key(found, acting_in, granted)

    async def by_id(self, key_id: UUID) -> Principal:
        """The key with this id, whose secret another process of ours has seen. Raises UnknownKey."""
        async with self.database.session() as session:
            found = await KeyStore(session).accepted_by_id(key_id, self.now())
        if found is None:
            raise _unknown_key()
        return _of_key(found, found.project_id)

    async def by_session(self, token: str, project: str | None) -> Principal:
        """Raises SignedOut, and ProjectNotFound if the request names a project that the person is not in."""
        session_id = self.tokens.session_of(token)
        async with self.database.session() as session:
            person_id = await SessionStore(session).person_of(session_id, self.now())
            person = await PersonStore(session).get(person_id) if person_id else None
            if person is None or not person.is_active:
                raise SignedOut("The session has ended.", next_step="Sign in again.")
            allowed = None if person.role is Role.ADMIN else person.project_ids
            acting_in = await _project(session, project, allowed, person.project_ids[0])
            granted = await GrantStore(session).held("person", person.id, acting_in, self.now())
            return _of_person(person, session_id, acting_in, granted)


def _unknown_key() -> UnknownKey:
    return UnknownKey("The key is unknown, revoked or expired.", next_step="Ask an admin for another.")


async def _project(session: AsyncSession, named: str | None, allowed: tuple[UUID, ...] | None, own: UUID) -> UUID:
    """The project that the request names, else the caller's own. One that is not allowed looks like none."""
    if named is None:
        return own
    project = await ProjectStore(session).named(named)
    if allowed is not None and project.id not in allowed:
        raise no_project(named)
    return project.id


def _of_key(key: Key, project_id: UUID, granted: frozenset[Permission] = frozenset()) -> Principal:
    return Principal(
        kind="key",
        id=key.id,
        name=key.name,
        role=key.role,
        scopes=frozenset(key.scopes),
        project_id=project_id,
        everywhere=key.is_builtin,
        granted=granted,
    )


def _of_person(person: Person, session_id: UUID, project_id: UUID, granted: frozenset[Permission]) -> Principal:
    return Principal(
        kind="person",
        id=person.id,
        name=person.login,
        role=person.role,
        scopes=frozenset(),
        project_id=project_id,
        everywhere=person.role is Role.ADMIN,
        session_id=session_id,
        granted=granted,
    )
