"""An API key: of the secret only its digest and last four characters are kept."""

import hashlib
import json
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, model_validator

from lumina_governance.errors import AboveMaker
from lumina_governance.limits.models import Limits, LimitsUpdate
from lumina_governance.people.models import Person
from lumina_governance.projects.models import Label
from lumina_kit.roles import INSTALLATION_WIDE, TABLE, Permission, Role, Scope, permissions

PREFIX = "lum_"
SECRET_BYTES = 32
MOST_METADATA_BYTES = 4096


def _bounded(given: dict[str, JsonValue]) -> dict[str, JsonValue]:
    if len(json.dumps(given)) > MOST_METADATA_BYTES:
        raise ValueError(f"more than {MOST_METADATA_BYTES:,} bytes as JSON")
    return given


Metadata = Annotated[dict[str, JsonValue], AfterValidator(_bounded)]


@dataclass(frozen=True)
class Secret:
    """A key's text, shown once."""

    text: str = field(repr=False)

    @classmethod
    def new(cls) -> "Secret":
        return cls(PREFIX + secrets.token_urlsafe(SECRET_BYTES))

    @property
    def sha256(self) -> str:
        """The digest that is stored. A plain hash is enough for 256 random bits."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def last_four(self) -> str:
        return self.text[-4:]


class Key(BaseModel):
    """What a program signs in with. It has a role, or else scopes, and acts in one project.

    It is not in force while its maker is disabled, has left its project, or may not do any more what the key may.
    The built-in one is `admin.key`: nobody made it, and it may name any project. `metadata` is whatever its maker
    wants to keep with it; Lumina does not read it.
    """

    model_config = ConfigDict(frozen=True)

    id: UUID
    project_id: UUID
    name: Label
    role: Role | None
    scopes: tuple[Scope, ...]
    last_four: str
    maker_id: UUID | None
    is_builtin: bool
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    limits: Limits
    metadata: Metadata

    def is_in_force(self, now: datetime) -> bool:
        """Neither revoked nor expired; `is_covered` looks at its maker."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    @property
    def permissions(self) -> frozenset[Permission]:
        given = permissions(self.role, frozenset(self.scopes))
        return given if self.is_builtin else given - INSTALLATION_WIDE


class NewKey(BaseModel):
    """A key to make: scopes, `inference` unless others are named, or else a role."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Label
    role: Role | None = None
    scopes: Annotated[frozenset[Scope], Field(min_length=1)] | None = None
    expires_at: AwareDatetime | None = None
    limits: LimitsUpdate = LimitsUpdate()
    metadata: Metadata = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.role is not None and self.scopes is not None:
            raise ValueError("a key has a role or scopes, not both")
        return self

    @property
    def granted_scopes(self) -> tuple[Scope, ...]:
        if self.role is not None:
            return ()
        return tuple(sorted(self.scopes or {Scope.INFERENCE}))


class KeyUpdate(BaseModel):
    """What to change of a key; what is absent stays."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    limits: LimitsUpdate = LimitsUpdate()


def check_not_above(maker: frozenset[Permission], role: Role | None, scopes: frozenset[Scope]) -> None:
    """Raise AboveMaker if a key with this role or these scopes could do what its maker cannot."""
    excess = sorted(permissions(role, scopes) - INSTALLATION_WIDE - maker)
    if excess:
        wanted = role or ", ".join(sorted(scopes))
        raise AboveMaker(
            f"A key with {wanted} may {', '.join(excess)}, and you may not.",
            next_step="Ask for less, or ask an admin to make the key.",
        )


def is_covered(key: Key, maker: Person | None) -> bool:
    """Whether the maker may still do all that the key may, in its project. A key without a maker is Lumina's own."""
    if maker is None:
        return True
    return maker.is_active and maker.may_act_in(key.project_id) and key.permissions <= TABLE[maker.role]
