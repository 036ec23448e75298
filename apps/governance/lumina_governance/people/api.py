"""/api/governance/people."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from lumina_governance.errors import LastAdmin, LoginTaken, PersonNotFound, ProjectNotFound
from lumina_governance.people.models import NewPassword, NewPerson, Person, PersonUpdate
from lumina_governance.wiring import PeopleDep, SessionsDep
from lumina_kit.auth import Principal, require
from lumina_kit.pages import BadCursor, Cursor, Limit, Page, page_after
from lumina_kit.problems import problems
from lumina_kit.roles import Permission

router = APIRouter(prefix="/people", tags=["people"])

Reader = Annotated[Principal, require(Permission.PEOPLE_READ)]
Writer = Annotated[Principal, require(Permission.PEOPLE_WRITE)]


class PasswordToSet(BaseModel):
    """A password that an admin gives to someone."""

    model_config = ConfigDict(extra="forbid")

    password: NewPassword


@router.get("", responses=problems(BadCursor))
async def list_people(people: PeopleDep, who: Reader, cursor: Cursor = None, limit: Limit = 100) -> Page[Person]:
    """Everyone whom the caller may see, by login; disabled people too. Without rights everywhere: its project's."""
    return page_after(await people.visible_to(who), lambda person: person.login, cursor, limit)


@router.get("/{person_id}", responses=problems(PersonNotFound))
async def read_person(person_id: UUID, people: PeopleDep, who: Reader) -> Person:
    """One person, whom the caller may see."""
    return await people.seen(person_id, who)


@router.post("", status_code=201, responses=problems(LoginTaken, ProjectNotFound))
async def create_person(new: NewPerson, people: PeopleDep, who: Writer) -> Person:
    """Add a person. Without a password they sign in with a one-time link."""
    return await people.create(new, who.actor)


@router.patch("/{person_id}", responses=problems(PersonNotFound, ProjectNotFound, LastAdmin))
async def change_person(person_id: UUID, update: PersonUpdate, people: PeopleDep, who: Writer) -> Person:
    """Change name, role or projects, or disable: that ends the person's sessions, links and keys at once."""
    return await people.change(person_id, update, who.actor)


@router.put("/{person_id}/password", status_code=204, responses=problems(PersonNotFound))
async def set_password(person_id: UUID, to: PasswordToSet, people: PeopleDep, who: Writer) -> None:
    """Give a person a new password. Ends their sessions."""
    await people.set_password(person_id, to.password, who.actor)


@router.delete("/{person_id}/sessions", status_code=204, responses=problems(PersonNotFound))
async def end_sessions(person_id: UUID, sessions: SessionsDep, who: Writer) -> None:
    """Sign a person out everywhere."""
    await sessions.end_all(person_id, who.actor)
