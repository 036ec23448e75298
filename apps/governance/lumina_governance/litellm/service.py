"""LiteLLM's /key/generate, /key/info, /key/update and /key/delete on Lumina's keys."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from lumina_governance.errors import AliasTaken, KeyNotFound, no_project
from lumina_governance.keys.models import Key, KeyUpdate, NewKey, Secret
from lumina_governance.keys.service import Keys
from lumina_governance.litellm import durations
from lumina_governance.litellm.models import Delete, Generate, Info, Shown, Update
from lumina_governance.projects.store import ProjectStore
from lumina_kit.auth import Principal
from lumina_kit.clock import Clock
from lumina_kit.errors import Refused
from lumina_kit.roles import Permission

_HASH = re.compile(r"[0-9a-f]{64}")
_NO_EXPIRY = frozenset({"", "-1"})


@dataclass(frozen=True)
class LiteLlmKeys:
    """Works in one transaction, for a caller whom the gateway has authenticated."""

    session: AsyncSession
    now: Clock
    who: Principal

    @property
    def keys(self) -> Keys:
        return Keys(self.session, self.now)

    async def generate(self, asked: Generate) -> Shown:
        """Make a key for inference. Raises Refused, AliasTaken, NotLiteLlms, UnknownDuration, ProjectNotFound."""
        self._require_manage()
        ignored, secret = asked.ignored(), Secret.new()
        who = replace(self.who, project_id=await self._project(asked.project_id))
        if asked.key_alias:
            await self._check_free(asked.key_alias, who.project_id)
        duration = asked.duration or ""
        new = NewKey(
            name=asked.key_alias or f"key-{secret.last_four}",
            expires_at=None if duration in _NO_EXPIRY else durations.end(duration, self.now()),
            limits=asked.limits(has_budget=False),
            metadata=asked.metadata or {},
        )
        key, _ = await self.keys.create(new, who, secret)
        return Shown.with_secret(key, secret, ignored, self.now())

    async def info(self, key: str | None) -> Info:
        """One key, else the caller's own. Raises Refused, KeyNotFound."""
        sha256, found = await self._found(key) if key else await self.keys.store.with_digest(self.who.id)
        if found.id != self.who.id:
            self._require_manage()
        return Info.of(found, sha256, self.now())

    async def update(self, asked: Update) -> Info:
        """Change limits. Raises Refused, KeyNotFound, NotLiteLlms, UnknownDuration, BuiltinKey, RevokedKey."""
        self._require_manage()
        asked.ignored()
        sha256, before = await self._found(asked.key)
        limits = asked.limits(has_budget=before.limits.budget_usd is not None)
        after = await self.keys.change(before.id, KeyUpdate(limits=limits), self._in(before.project_id))
        return Info.of(after, sha256, self.now())

    async def delete(self, asked: Delete) -> Sequence[str]:
        """Revoke all of these keys, or none: gives back what was named. Raises Refused, KeyNotFound, BuiltinKey."""
        self._require_manage()
        found = [(await self._found(key))[1] for key in asked.keys or ()]
        found += [await self._aliased(alias) for alias in asked.key_aliases or ()]
        if not found:
            raise KeyNotFound("No key is named.", next_step="Send keys or key_aliases, a list each.")
        for key in found:
            if key.revoked_at is not None:
                raise KeyNotFound(f"The key {key.name} is deleted already.")
            await self.keys.revoke(key.id, self._in(key.project_id))
        return [*(asked.keys or ()), *(asked.key_aliases or ())]

    def _require_manage(self) -> None:
        if Permission.KEYS_MANAGE not in self.who.permissions:
            raise Refused(
                "Only an admin's key manages keys.",
                next_step="Use the key in admin.key, one with the role admin, or the configuration's master_key.",
            )

    async def _project(self, named: str | None) -> UUID:
        """The project for a new key: the caller's own, or for who may act everywhere the one that is named."""
        if not named or named == str(self.who.project_id):
            return self.who.project_id
        project = await ProjectStore(self.session).named(named)
        if project.id != self.who.project_id and not self.who.everywhere:
            raise no_project(named)
        return project.id

    async def _check_free(self, alias: str, project_id: UUID) -> None:
        if await self.keys.store.named(alias, project_id):
            raise AliasTaken(f"There is a key with the alias {alias!r} already.", next_step="Take another alias.")

    async def _found(self, key: str) -> tuple[str, Key]:
        """By the key itself or its hash, in the projects that the caller may see. The key is never repeated."""
        sha256 = key if _HASH.fullmatch(key) else Secret(key).sha256
        found = await self.keys.store.by_digest(sha256)
        if found is None or not self._sees(found):
            raise KeyNotFound("There is no such key.", next_step="Send the key itself, or its token_id.")
        return sha256, found

    async def _aliased(self, alias: str) -> Key:
        found = await self.keys.store.named(alias, self.who.project_id)
        if len(found) != 1:
            count = "no key" if not found else f"{len(found)} keys"
            raise KeyNotFound(f"There is {count} with the alias {alias[:120]!r}.", next_step="Name it by its token_id.")
        return found[0]

    def _sees(self, key: Key) -> bool:
        return self.who.everywhere or key.project_id == self.who.project_id

    def _in(self, project_id: UUID) -> Principal:
        return replace(self.who, project_id=project_id)
