"""A person who can sign in."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from lumina_governance.projects.models import Label
from lumina_kit.roles import Role

BUILTIN_LOGIN = "admin"
SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 256

LOGIN_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}$"

Login = Annotated[str, StringConstraints(to_lower=True, pattern=LOGIN_PATTERN)]

ProjectIds = Annotated[tuple[UUID, ...], Field(max_length=1000), AfterValidator(lambda ids: tuple(dict.fromkeys(ids)))]


def _long_enough(secret: SecretStr) -> SecretStr:
    length = len(secret.get_secret_value())
    if not SHORTEST_PASSWORD <= length <= LONGEST_PASSWORD:
        raise ValueError(f"a password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters, this one has {length}")
    return secret


NewPassword = Annotated[SecretStr, AfterValidator(_long_enough)]


class Person(BaseModel):
    """Someone with a role. Without a password only a one-time link signs in; when disabled, nothing does."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    login: Login
    display_name: Label
    role: Role
    project_ids: tuple[UUID, ...]
    has_password: bool
    created_at: datetime
    disabled_at: datetime | None

    @property
    def is_active(self) -> bool:
        return self.disabled_at is None

    @property
    def is_active_admin(self) -> bool:
        return self.is_active and self.role is Role.ADMIN

    def may_act_in(self, project_id: UUID) -> bool:
        """Whether the project is theirs; an admin's is every one."""
        return self.role is Role.ADMIN or project_id in self.project_ids

    def with_password(self) -> Self:
        """The person, who now has one."""
        return type(self)(**self.model_dump(exclude={"has_password"}), has_password=True)


class NewPerson(BaseModel):
    """A person to add: in the default project unless others are named, and without a password unless one is given."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    login: Login
    display_name: Label | None = None
    role: Role = Role.OPERATOR
    password: NewPassword | None = None
    project_ids: ProjectIds = ()


class PersonUpdate(BaseModel):
    """What to change of a person; what is absent stays."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    display_name: Label | None = None
    role: Role | None = None
    disabled: bool | None = None
    project_ids: Annotated[ProjectIds, Field(min_length=1)] | None = None

    def applied(self, person: Person, now: datetime) -> Person:
        """The person as changed; the time of a first disabling stays."""
        given = self.model_dump(exclude={"disabled"}, exclude_none=True)
        if self.disabled is not None:
            given["disabled_at"] = (person.disabled_at or now) if self.disabled else None
        return person.model_copy(update=given)
