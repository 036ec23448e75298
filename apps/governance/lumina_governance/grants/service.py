"""Granting to people and keys, and taking back."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncSession

from lumina_governance.changes import announce, changed
from lumina_governance.errors import NotInProject, PersonDisabled, RevokedKey, no_key
from lumina_governance.grants.models import Grant, Grantable, HolderKind, NewGrant
from lumina_governance.grants.store import GrantStore
from lumina_governance.keys.store import KeyStore
from lumina_governance.people.store import PersonStore
from lumina_kit.auth import Principal
from lumina_kit.clock import Clock


@dataclass(frozen=True)
class Grants:
    """Works in one transaction, and in the caller's project. A new grant takes the place of the one in force."""

    session: AsyncSession
    now: Clock

    async def to_person(self, person_id: UUID, what: Grantable, new: NewGrant, who: Principal) -> Grant:
        """Raises PersonNotFound, PersonDisabled, NotInProject."""
        person = await PersonStore(self.session).get(person_id)
        if not person.is_active:
            raise PersonDisabled(f"{person.login} is disabled.", next_step="Enable them first.")
        if not person.may_act_in(who.project_id):
            raise NotInProject(
                f"{person.login} is not in this project.", next_step="Add them to it first, or name another project."
            )
        return await self._add("person", person.id, person.login, what, new, who)

    async def to_key(self, key_id: UUID, what: Grantable, new: NewGrant, who: Principal) -> Grant:
        """To a key of this project, or to the built-in one, which may name any. Raises KeyNotFound, RevokedKey."""
        _, key = await KeyStore(self.session).with_digest(key_id)
        if key.project_id != who.project_id and not key.is_builtin:
            raise no_key()
        if not key.is_in_force(self.now()):
            raise RevokedKey(f"The key {key.name} is not in force.", next_step="Make another.")
        return await self._add("key", key.id, key.name, what, new, who)

    async def revoke(self, grant_id: UUID, who: Principal) -> Grant:
        """End a grant; again is no error. Raises GrantNotFound."""
        before = await self._store.locked(grant_id)
        return before if before.revoked_at is not None else await self._end(before, who)

    @property
    def _store(self) -> GrantStore:
        return GrantStore(self.session)

    async def _add(
        self, kind: HolderKind, holder: UUID, name: str, what: Grantable, new: NewGrant, who: Principal
    ) -> Grant:
        now = self.now()
        grant = Grant(
            id=uuid4(),
            permission=what,
            holder_kind=kind,
            holder_id=holder,
            holder_name=name,
            project_id=who.project_id,
            granted_by=who.name,
            why=new.why,
            created_at=now,
            expires_at=now + timedelta(hours=new.hours),
            revoked_at=None,
        )
        for before in await self._store.in_force(grant):
            await self._end(before, who)
        await self._store.add(grant)
        change = changed("grant.created", _name(grant), who.actor, None, grant, grant.project_id, new.why)
        await announce(self.session, change, now)
        return grant

    async def _end(self, before: Grant, who: Principal) -> Grant:
        after = before.model_copy(update={"revoked_at": self.now()})
        await self._store.end(after)
        change = changed("grant.revoked", _name(after), who.actor, before, after, after.project_id)
        await announce(self.session, change, self.now())
        return after


def _name(grant: Grant) -> str:
    return f"{grant.permission} to {grant.holder_name}"
