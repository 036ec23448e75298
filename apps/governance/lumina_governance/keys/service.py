"""What can be done with keys."""

from dataclasses import dataclass
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncSession

from lumina_contracts.events import KeyChanged, KeyCreated, KeyRevoked
from lumina_governance.changes import announce, changed
from lumina_governance.errors import BuiltinKey, LimitedMaker, NotYourKey, PastExpiry, RaisedLimit, RevokedKey
from lumina_governance.keys.models import Key, KeyUpdate, NewKey, Secret, check_not_above
from lumina_governance.keys.store import KeyStore
from lumina_governance.limits.models import UNLIMITED
from lumina_kit.auth import Principal
from lumina_kit.clock import Clock
from lumina_kit.ledger import Actor
from lumina_kit.roles import Permission


@dataclass(frozen=True)
class Keys:
    """Works in one transaction, and in the caller's project."""

    session: AsyncSession
    now: Clock

    @property
    def store(self) -> KeyStore:
        return KeyStore(self.session)

    async def create(self, new: NewKey, who: Principal, secret: Secret | None = None) -> tuple[Key, Secret]:
        """Make a key, with a new secret if none is given; it is nowhere but in the answer.

        Raises AboveMaker, LimitedMaker, PastExpiry, NoBudget.
        """
        now = self.now()
        if new.expires_at is not None and new.expires_at <= now:
            raise PastExpiry(f"{new.expires_at.isoformat()} has passed.", next_step="Name a time to come, or none.")
        check_not_above(who.permissions, new.role, frozenset(new.granted_scopes))
        await self._check_unlimited(who)
        secret = secret or Secret.new()
        key = Key(
            id=uuid4(),
            project_id=who.project_id,
            name=new.name,
            role=new.role,
            scopes=new.granted_scopes,
            last_four=secret.last_four,
            maker_id=await self._maker(who),
            is_builtin=False,
            created_at=now,
            expires_at=new.expires_at,
            revoked_at=None,
            limits=new.limits.applied(UNLIMITED),
            metadata=new.metadata,
        )
        await self.add(key, secret, who.actor)
        return key, secret

    async def add(self, key: Key, secret: Secret, who: Actor) -> None:
        """Put a key in force."""
        await self.store.add(key, secret)
        event = KeyCreated(occurred_at=key.created_at, project_id=key.project_id, key_id=key.id)
        change = changed("key.created", key.name, who, None, key, key.project_id)
        await announce(self.session, change, key.created_at, event)

    async def change(self, key_id: UUID, update: KeyUpdate, who: Principal) -> Key:
        """Change a key's limits; the same again is no change.

        Raises KeyNotFound, NotYourKey, RaisedLimit, BuiltinKey, RevokedKey, NoBudget.
        """
        before = await self.store.locked(key_id, who.project_id)
        if not await self._may_end(before, who):
            raise NotYourKey(f"The key {before.name} is not yours.", next_step="Ask its maker or an admin.")
        after = before.model_copy(update={"limits": update.limits.applied(before.limits)})
        _check_change(before, after, who)
        if after == before:
            return before
        await self.store.set_limits(key_id, after.limits)
        event = KeyChanged(occurred_at=self.now(), project_id=after.project_id, key_id=after.id)
        change = changed("key.changed", after.name, who.actor, before, after, after.project_id)
        await announce(self.session, change, event.occurred_at, event)
        return after

    async def revoke(self, key_id: UUID, who: Principal) -> Key:
        """End a key; again is no error. Raises KeyNotFound, NotYourKey, BuiltinKey."""
        before = await self.store.locked(key_id, who.project_id)
        if not await self._may_end(before, who):
            raise NotYourKey(
                f"The key {before.name} is not yours.", next_step="Ask its maker or an admin to revoke it."
            )
        if before.is_builtin:
            raise BuiltinKey(
                "The key of admin.key cannot be revoked by hand.",
                next_step="Remove $LUMINA_HOME/admin.key and restart the part `control`: that makes another.",
            )
        if before.revoked_at is not None:
            return before
        return await self.end(before, who.actor)

    async def end(self, before: Key, who: Actor) -> Key:
        """Take a key out of force, for good."""
        now = self.now()
        after = before.model_copy(update={"revoked_at": now})
        await self.store.revoke(before.id, now)
        event = KeyRevoked(occurred_at=now, project_id=after.project_id, key_id=after.id)
        change = changed("key.revoked", after.name, who, before, after, after.project_id)
        await announce(self.session, change, now, event)
        return after

    async def _check_unlimited(self, who: Principal) -> None:
        """A limited key that made others would have its limits once more with each. Raises LimitedMaker."""
        if who.kind == "person" or Permission.KEYS_MANAGE in who.permissions:
            return
        if (await self.store.get(who.id, who.project_id)).limits != UNLIMITED:
            raise LimitedMaker(
                f"The key {who.name} has limits, and a key that it makes would have them once more.",
                next_step="Sign in and make the key yourself, or ask an admin.",
            )

    async def _may_end(self, key: Key, who: Principal) -> bool:
        """Revoke or lower. Without `keys.manage` only one's own, and of these none that may do more than the caller."""
        if Permission.KEYS_MANAGE in who.permissions:
            return True
        return (
            key.maker_id is not None and key.maker_id == await self._maker(who) and key.permissions <= who.permissions
        )

    async def _maker(self, who: Principal) -> UUID | None:
        """The person behind the caller: of a key, who made it."""
        return who.id if who.kind == "person" else await self.store.maker_of(who.id)


def _check_change(before: Key, after: Key, who: Principal) -> None:
    if before.is_builtin:
        raise BuiltinKey("The key of admin.key has no limits.", next_step="Limit its project, or use another key.")
    if before.revoked_at is not None:
        raise RevokedKey(f"The key {before.name} is revoked.", next_step="Make another.")
    raised = after.limits.exceeding(before.limits)
    if raised and Permission.KEYS_MANAGE not in who.permissions:
        raise RaisedLimit(
            f"This raises {', '.join(raised)} of the key {before.name}, and you may only lower.",
            next_step="Ask an admin of the project.",
        )
