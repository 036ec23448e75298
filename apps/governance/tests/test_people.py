"""People and their passwords, on both databases."""

import asyncio
from uuid import UUID, uuid4

import pytest
from pydantic import SecretStr, ValidationError
from sqlalchemy import select

from lumina_governance.errors import LastAdmin, LoginTaken, PersonNotFound, ProjectNotFound, WrongCredentials
from lumina_governance.people.models import BUILTIN_LOGIN, NewPerson, Person, PersonUpdate
from lumina_governance.people.service import People
from lumina_governance.people.store import PersonStore
from lumina_governance.projects.models import NewProject
from lumina_governance.projects.service import Projects
from lumina_governance.wiring import Governance
from lumina_kit.ledger import SYSTEM, LedgerEntry
from lumina_kit.outbox import OutboxEvent
from lumina_kit.roles import Role

PASSWORD = SecretStr("correct horse battery")


async def add(governance: Governance, login: str = "ana", role: Role = Role.SCIENTIST, **more: object) -> Person:
    new = NewPerson.model_validate({"login": login, "role": role, "password": PASSWORD} | more)
    async with governance.database.session() as session:
        return await People(session, governance.passwords, governance.now).create(new, SYSTEM)


async def change(governance: Governance, person_id: UUID, **update: object) -> Person:
    async with governance.database.session() as session:
        people = People(session, governance.passwords, governance.now)
        return await people.change(person_id, PersonUpdate.model_validate(update), SYSTEM)


async def read(governance: Governance, login: str) -> Person:
    async with governance.database.session() as session:
        return await PersonStore(session).by_login(login)


async def test_new_person_belongs_to_the_default_project(governance: Governance) -> None:
    ana = await add(governance)

    admin = await read(governance, BUILTIN_LOGIN)
    assert await read(governance, "ana") == ana
    assert ana.project_ids == admin.project_ids
    assert ana.has_password


async def test_login_is_taken_once(governance: Governance) -> None:
    await add(governance)

    with pytest.raises(LoginTaken):
        await add(governance, login="ANA")


async def test_person_of_an_unknown_project_is_refused_and_announced_to_nobody(governance: Governance) -> None:
    before = await entries(governance)

    with pytest.raises(ProjectNotFound):
        await add(governance, project_ids=[uuid4()])

    assert await entries(governance) == before


async def test_change_is_stored_told_to_the_ledger_and_published(governance: Governance) -> None:
    ana = await add(governance)

    after = await change(governance, ana.id, role="auditor", display_name="Ana Lima")

    assert await read(governance, "ana") == after
    assert (after.role, after.display_name) == (Role.AUDITOR, "Ana Lima")
    assert (await entries(governance))[-1] == "person.changed"
    async with governance.database.session() as session:
        kinds = list(await session.scalars(select(OutboxEvent.type)))
    assert kinds.count("dev.lumina.person.changed.v1") == 3  # the built-in admin, Ana, her change


async def test_change_to_the_same_is_no_change(governance: Governance) -> None:
    ana = await add(governance)
    before = await entries(governance)

    await change(governance, ana.id, role="scientist")

    assert await entries(governance) == before


async def test_projects_of_a_person_can_change(governance: Governance) -> None:
    ana = await add(governance)
    async with governance.database.session() as session:
        other = await Projects(session, governance.now).create(NewProject(slug="other"), SYSTEM)

    both = (other.id, *ana.project_ids)
    await change(governance, ana.id, project_ids=both)

    assert (await read(governance, "ana")).project_ids == both


@pytest.mark.parametrize("update", [{"disabled": True}, {"role": "scientist"}])
async def test_last_admin_stays(governance: Governance, update: dict[str, object]) -> None:
    admin = await read(governance, BUILTIN_LOGIN)

    with pytest.raises(LastAdmin):
        await change(governance, admin.id, **update)

    assert (await read(governance, BUILTIN_LOGIN)).is_active_admin


async def test_of_two_admins_that_leave_at_once_one_stays(governance: Governance) -> None:
    first, second = await read(governance, BUILTIN_LOGIN), await add(governance, role=Role.ADMIN)

    results = await asyncio.gather(
        change(governance, first.id, disabled=True),
        change(governance, second.id, disabled=True),
        return_exceptions=True,
    )

    assert sorted(type(result).__name__ for result in results) == ["LastAdmin", "Person"]


async def test_unknown_person_is_not_found(governance: Governance) -> None:
    with pytest.raises(PersonNotFound):
        await change(governance, uuid4(), disabled=True)


async def test_new_password_replaces_the_old_one(governance: Governance) -> None:
    ana = await add(governance)
    async with governance.database.session() as session:
        people = People(session, governance.passwords, governance.now)
        await people.set_password(ana.id, SecretStr("another long one"), SYSTEM)

    with pytest.raises(WrongCredentials):
        await governance.sessions.confirmed("ana", PASSWORD, "here")
    assert await governance.sessions.confirmed("ana", SecretStr("another long one"), "here") == ana


async def test_password_is_nowhere_in_the_ledger(governance: Governance) -> None:
    await add(governance)

    async with governance.database.session() as session:
        bodies = " ".join(await session.scalars(select(LedgerEntry.body)))
    assert PASSWORD.get_secret_value() not in bodies
    assert "argon2" not in bodies


@pytest.mark.parametrize("password", ["short", "x" * 257])
def test_password_of_a_wrong_length_is_refused(password: str) -> None:
    with pytest.raises(ValidationError):
        NewPerson.model_validate({"login": "ana", "password": password})


@pytest.mark.parametrize("login", ["", " ana", "a\x00", "a/b", "x" * 129, "ana\n"])
def test_malformed_login_is_refused(login: str) -> None:
    with pytest.raises(ValidationError):
        NewPerson.model_validate({"login": login})


async def entries(governance: Governance) -> list[str]:
    async with governance.database.session() as session:
        return list(await session.scalars(select(LedgerEntry.action).order_by(LedgerEntry.number)))
