"""/api/governance/sessions and /api/governance/links."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from lumina_governance.errors import NotAPerson, PersonDisabled, PersonNotFound, TooManySignIns, WrongCredentials
from lumina_governance.people.models import LONGEST_PASSWORD, Person
from lumina_governance.sessions import cookie
from lumina_governance.sessions.caller import Address, FromHere, PersonCaller
from lumina_governance.wiring import GovernanceDep, SessionsDep
from lumina_kit.auth import ForeignOrigin, Principal, require
from lumina_kit.problems import problems
from lumina_kit.roles import Permission

router = APIRouter(tags=["sessions"])
open_router = APIRouter(tags=["sessions"])

LinkMaker = Annotated[Principal, require(Permission.PEOPLE_WRITE)]


class PasswordSignIn(BaseModel):
    """Login and password."""

    model_config = ConfigDict(extra="forbid")

    login: Annotated[str, Field(max_length=128)]
    password: Annotated[SecretStr, Field(max_length=LONGEST_PASSWORD)]


class SignedIn(BaseModel):
    """Who has signed in, until when; the session itself is in the cookie."""

    person: Person
    expires_at: datetime


class NewLink(BaseModel):
    """Whom to make a one-time link for: the built-in admin unless someone is named."""

    model_config = ConfigDict(extra="forbid")

    person_id: UUID | None = None


class OneTimeLink(BaseModel):
    """A link that signs in once. Whoever has it is that person."""

    url: str
    login: str
    expires_at: datetime


@open_router.post(
    "/sessions",
    status_code=201,
    dependencies=[FromHere],
    responses=problems(WrongCredentials, TooManySignIns, ForeignOrigin),
)
async def sign_in(
    given: PasswordSignIn, sessions: SessionsDep, governance: GovernanceDep, address: Address, answer: Response
) -> SignedIn:
    """Sign in with a password; the answer sets the session cookie."""
    started = await sessions.begin_with_password(given.login, given.password, address)
    cookie.put(answer, started, governance.secure_cookie)
    return SignedIn(person=started.person, expires_at=started.expires_at)


@router.delete("/sessions/current", status_code=204, responses=problems(NotAPerson))
async def sign_out(sessions: SessionsDep, governance: GovernanceDep, who: PersonCaller, answer: Response) -> None:
    """End this session."""
    await sessions.end(who)
    cookie.take(answer, governance.secure_cookie)


@router.delete("/sessions", status_code=204, responses=problems(NotAPerson))
async def sign_out_everywhere(
    sessions: SessionsDep, governance: GovernanceDep, who: PersonCaller, answer: Response
) -> None:
    """End all sessions of the caller, this one too."""
    await sessions.end_all(who.id, who.actor)
    cookie.take(answer, governance.secure_cookie)


@router.post("/links", status_code=201, responses=problems(PersonNotFound, PersonDisabled))
async def create_link(new: NewLink, sessions: SessionsDep, governance: GovernanceDep, who: LinkMaker) -> OneTimeLink:
    """Make a one-time sign-in link. It is shown once and can be used for 15 minutes, unless that was set otherwise."""
    link = await sessions.make_link(new.person_id, who.actor)
    return OneTimeLink(
        url=f"{governance.public_url}/sign-in/{link.token}", login=link.person.login, expires_at=link.expires_at
    )
