"""Signing in and out, on both databases."""

import asyncio
from uuid import UUID

import pytest
from pydantic import SecretStr
from sqlalchemy import func, select

from apps.governance.tests.conftest import Clock
from lumina_governance.errors import LinkSpent, PersonDisabled, SignedOut, TooManySignIns, WrongCredentials
from lumina_governance.people.models import BUILTIN_LOGIN, NewPerson, Person, PersonUpdate
from lumina_governance.people.service import People
from lumina_governance.people.store import PersonStore
from lumina_governance.sessions.store import LinkRow, SessionRow
from lumina_governance.wiring import Governance
from lumina_kit.ledger import SYSTEM

PASSWORD = SecretStr("correct horse battery")


@pytest.fixture
async def ana(governance: Governance) -> Person:
    async with governance.database.session() as session:
        people = People(session, governance.passwords, governance.now)
        return await people.create(NewPerson(login="ana", password=PASSWORD), SYSTEM)


async def disable(governance: Governance, person_id: UUID) -> None:
    async with governance.database.session() as session:
        people = People(session, governance.passwords, governance.now)
        await people.change(person_id, PersonUpdate(disabled=True), SYSTEM)


async def test_password_opens_a_session_of_twelve_hours(governance: Governance, ana: Person, now: Clock) -> None:
    started = await governance.sessions.begin_with_password("ANA", PASSWORD, "here")

    assert (await governance.credentials.by_session(started.token, None)).id == ana.id
    now.pass_by(hours=12)
    with pytest.raises(SignedOut):
        await governance.credentials.by_session(started.token, None)


@pytest.mark.parametrize("login", ["ana", "nobody", BUILTIN_LOGIN, "no\x00body", "'; DROP TABLE x"])
async def test_wrong_password_unknown_login_and_no_password_look_the_same(
    governance: Governance, ana: Person, login: str
) -> None:
    with pytest.raises(WrongCredentials, match=r"^Login or password is wrong\.$"):
        await governance.sessions.begin_with_password(login, SecretStr("wrong"), "here")


async def test_guessing_is_slowed_down_by_login_and_by_address(governance: Governance, ana: Person) -> None:
    for number in range(10):
        with pytest.raises(WrongCredentials):
            await governance.sessions.begin_with_password("ana", SecretStr("wrong"), f"address {number}")

    with pytest.raises(TooManySignIns):
        await governance.sessions.begin_with_password("ana", PASSWORD, "another address")

    for number in range(30):
        with pytest.raises(WrongCredentials):
            await governance.sessions.begin_with_password(f"login{number}", SecretStr("wrong"), "one address")
    with pytest.raises(TooManySignIns):
        await governance.sessions.begin_with_password("somebody", SecretStr("wrong"), "one address")


async def test_signing_out_is_final(governance: Governance, ana: Person) -> None:
    started = await governance.sessions.begin_with_password("ana", PASSWORD, "here")
    other = await governance.sessions.begin_with_password("ana", PASSWORD, "there")
    caller = await governance.credentials.by_session(started.token, None)

    await governance.sessions.end(caller)

    with pytest.raises(SignedOut):
        await governance.credentials.by_session(started.token, None)
    assert (await governance.credentials.by_session(other.token, None)).id == ana.id


async def test_signing_out_everywhere_ends_sessions_and_links(governance: Governance, ana: Person) -> None:
    started = await governance.sessions.begin_with_password("ana", PASSWORD, "here")
    link = await governance.sessions.make_link(ana.id, SYSTEM)

    await governance.sessions.end_all(ana.id, SYSTEM)

    with pytest.raises(SignedOut):
        await governance.credentials.by_session(started.token, None)
    with pytest.raises(LinkSpent):
        await governance.sessions.begin_with_link(link.token)


async def test_disabling_ends_everything_at_once(governance: Governance, ana: Person) -> None:
    started = await governance.sessions.begin_with_password("ana", PASSWORD, "here")
    link = await governance.sessions.make_link(ana.id, SYSTEM)

    await disable(governance, ana.id)

    with pytest.raises(SignedOut):
        await governance.credentials.by_session(started.token, None)
    with pytest.raises(WrongCredentials):
        await governance.sessions.begin_with_password("ana", PASSWORD, "here")
    with pytest.raises(LinkSpent):
        await governance.sessions.begin_with_link(link.token)
    with pytest.raises(PersonDisabled):
        await governance.sessions.make_link(ana.id, SYSTEM)


async def test_link_signs_the_builtin_admin_in_once(governance: Governance) -> None:
    link = await governance.sessions.make_link(None, SYSTEM)

    tries = [governance.sessions.begin_with_link(link.token) for _ in range(3)]
    results = await asyncio.gather(*tries, return_exceptions=True)

    assert sorted(type(result).__name__ for result in results) == ["LinkSpent", "LinkSpent", "Started"]
    assert link.person.login == BUILTIN_LOGIN


async def test_link_is_too_old_after_fifteen_minutes(governance: Governance, now: Clock) -> None:
    link = await governance.sessions.make_link(None, SYSTEM)

    now.pass_by(minutes=15)

    with pytest.raises(LinkSpent):
        await governance.sessions.begin_with_link(link.token)


async def test_token_of_a_link_is_not_stored(governance: Governance) -> None:
    link = await governance.sessions.make_link(None, SYSTEM)

    async with governance.database.session() as session:
        row = (await session.scalars(select(LinkRow))).one()
    assert link.token not in {str(value) for value in vars(row).values()}


async def test_sessions_that_are_over_are_forgotten(governance: Governance, ana: Person, now: Clock) -> None:
    await governance.sessions.begin_with_password("ana", PASSWORD, "here")
    now.pass_by(hours=13)

    await governance.sessions.begin_with_password("ana", PASSWORD, "here")

    async with governance.database.session() as session:
        assert await session.scalar(select(func.count(SessionRow.id))) == 1
        assert await PersonStore(session).get(ana.id) == ana
