"""/api/governance/me: the caller as Lumina sees them."""

from typing import Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, SecretStr

from lumina_governance.errors import NotAPerson, TooManySignIns, WrongCredentials
from lumina_governance.people.models import NewPassword
from lumina_governance.sessions.caller import Address, Caller, PersonCaller
from lumina_governance.wiring import PeopleDep, SessionsDep
from lumina_kit.problems import problems
from lumina_kit.roles import Permission, Role, Scope

router = APIRouter(prefix="/me", tags=["me"])


class Me(BaseModel):
    """The caller: a person or a key, what it may do, and the project it acts in."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["person", "key"]
    id: UUID
    name: str
    role: Role | None
    scopes: list[Scope]
    permissions: list[Permission]
    project_id: UUID


class OwnPassword(BaseModel):
    """`current` is needed if there is one."""

    model_config = ConfigDict(extra="forbid")

    current: SecretStr | None = None
    password: NewPassword


@router.get("")
async def read_me(who: Caller) -> Me:
    """Who the caller is."""
    return Me(
        kind=who.kind,
        id=who.id,
        name=who.name,
        role=who.role,
        scopes=sorted(who.scopes),
        permissions=sorted(who.permissions),
        project_id=who.project_id,
    )


@router.put("/password", status_code=204, responses=problems(WrongCredentials, NotAPerson, TooManySignIns))
async def change_own_password(
    to: OwnPassword, sessions: SessionsDep, people: PeopleDep, address: Address, who: PersonCaller
) -> None:
    """Change the caller's password. Ends all their sessions, this one too."""
    await sessions.confirm_own(who.id, to.current, address)
    await people.set_password(who.id, to.password, who.actor)
