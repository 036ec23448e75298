"""Keys and what accepts them, on both databases."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import select

from apps.governance.tests.conftest import Clock
from lumina_governance.errors import AboveMaker, KeyNotFound, NotYourKey, PastExpiry, ProjectNotFound, UnknownKey
from lumina_governance.keys.models import Key, NewKey, Secret
from lumina_governance.keys.service import Keys
from lumina_governance.keys.store import KeyRow
from lumina_governance.people.models import NewPerson, Person, PersonUpdate
from lumina_governance.people.service import People
from lumina_governance.projects.models import NewProject, Project
from lumina_governance.projects.service import Projects
from lumina_governance.projects.store import ProjectStore
from lumina_governance.wiring import Governance
from lumina_kit.auth import Principal
from lumina_kit.ledger import SYSTEM, LedgerEntry
from lumina_kit.pages import BadCursor, cursor_of
from lumina_kit.roles import Role, Scope


async def person(governance: Governance, login: str = "ana", role: Role = Role.ADMIN) -> Principal:
    async with governance.database.session() as session:
        people = People(session, governance.passwords, governance.now)
        return as_principal(await people.create(NewPerson(login=login, role=role), SYSTEM))


def as_principal(of: Person) -> Principal:
    return Principal("person", of.id, of.login, of.role, frozenset(), of.project_ids[0])


async def make(governance: Governance, who: Principal, **fields: object) -> tuple[Key, Secret]:
    async with governance.database.session() as session:
        return await Keys(session, governance.now).create(NewKey.model_validate({"name": "k"} | fields), who)


async def revoke(governance: Governance, key: Key, who: Principal) -> Key:
    async with governance.database.session() as session:
        return await Keys(session, governance.now).revoke(key.id, who)


async def update(governance: Governance, who: Principal, **fields: object) -> None:
    async with governance.database.session() as session:
        people = People(session, governance.passwords, governance.now)
        await people.change(who.id, PersonUpdate.model_validate(fields), SYSTEM)


async def is_accepted(governance: Governance, secret: Secret) -> bool:
    """By the API, and in the snapshot, which must agree."""
    part = await governance.keys_in_force.keys_part()
    in_snapshot = secret.sha256 in {key.sha256 for key in part.keys}
    try:
        await governance.credentials.by_key(secret.text, None)
    except UnknownKey:
        assert not in_snapshot
        return False
    assert in_snapshot
    return True


async def test_new_key_is_accepted_in_its_project(governance: Governance) -> None:
    ana = await person(governance)
    key, secret = await make(governance, ana)

    caller = await governance.credentials.by_key(secret.text, None)

    assert (caller.kind, caller.id, caller.project_id) == ("key", key.id, ana.project_id)
    assert (caller.role, caller.scopes) == (None, frozenset({Scope.INFERENCE}))
    assert secret.text.endswith(key.last_four)


async def test_secret_is_stored_nowhere(governance: Governance) -> None:
    _, secret = await make(governance, await person(governance))

    async with governance.database.session() as session:
        stored = str([vars(row) for row in await session.scalars(select(KeyRow))])
        bodies = " ".join(await session.scalars(select(LedgerEntry.body)))
    assert secret.text not in stored + bodies
    assert secret.sha256 not in bodies


async def test_revoked_key_is_refused_and_revoking_again_changes_nothing(governance: Governance, now: Clock) -> None:
    ana = await person(governance)
    key, secret = await make(governance, ana)

    first = await revoke(governance, key, ana)
    now.pass_by(hours=1)
    second = await revoke(governance, key, ana)

    assert not await is_accepted(governance, secret)
    assert first == second


async def test_key_that_is_revoked_twice_at_once_is_one_entry(governance: Governance) -> None:
    ana = await person(governance)
    key, _ = await make(governance, ana)

    first, second = await asyncio.gather(revoke(governance, key, ana), revoke(governance, key, ana))

    assert first == second
    async with governance.database.session() as session:
        query = select(LedgerEntry).where(LedgerEntry.action == "key.revoked")
        assert len(list(await session.scalars(query))) == 1


async def test_key_expires(governance: Governance, now: Clock) -> None:
    _, secret = await make(governance, await person(governance), expires_at=now() + timedelta(hours=1))
    assert await is_accepted(governance, secret)

    now.pass_by(hours=1)

    with pytest.raises(UnknownKey):
        await governance.credentials.by_key(secret.text, None)


async def test_key_that_would_have_expired_is_not_made(governance: Governance, now: Clock) -> None:
    with pytest.raises(PastExpiry):
        await make(governance, await person(governance), expires_at=now())


async def test_scientist_cannot_make_an_admin_key(governance: Governance) -> None:
    with pytest.raises(AboveMaker):
        await make(governance, await person(governance, role=Role.SCIENTIST), role="admin")


async def test_keys_stop_while_their_maker_is_disabled(governance: Governance) -> None:
    ana = await person(governance)
    _, secret = await make(governance, ana)

    await update(governance, ana, disabled=True)
    assert not await is_accepted(governance, secret)

    await update(governance, ana, disabled=False)
    assert await is_accepted(governance, secret)


async def test_keys_stop_that_may_do_more_than_their_maker_may_now(governance: Governance) -> None:
    ana = await person(governance)
    _, strong = await make(governance, ana, role="admin")
    _, weak = await make(governance, ana)

    await update(governance, ana, role="scientist")

    assert not await is_accepted(governance, strong)
    assert await is_accepted(governance, weak)


async def test_keys_stop_while_their_maker_is_not_in_their_project(governance: Governance) -> None:
    ana, other = await person(governance, role=Role.SCIENTIST), await project(governance)
    _, secret = await make(governance, ana)

    await update(governance, ana, project_ids=[other.id])
    assert not await is_accepted(governance, secret)

    await update(governance, ana, project_ids=[other.id, ana.project_id])
    assert await is_accepted(governance, secret)


async def test_admins_key_serves_in_a_project_that_is_not_the_admins_own(governance: Governance) -> None:
    ana, other = await person(governance), await project(governance)

    _, secret = await make(governance, replace(ana, project_id=other.id))

    assert await is_accepted(governance, secret)


async def test_key_of_another_project_is_not_found(governance: Governance) -> None:
    ana = await person(governance)
    key, _ = await make(governance, ana)
    stranger = Principal("person", uuid4(), "ben", Role.ADMIN, frozenset(), uuid4())

    with pytest.raises(KeyNotFound):
        await revoke(governance, key, stranger)


async def test_someone_elses_key_can_be_revoked_by_an_admin_only(governance: Governance) -> None:
    ana, ben = await person(governance, "ana", Role.SCIENTIST), await person(governance, "ben", Role.SCIENTIST)
    key, secret = await make(governance, ana)

    with pytest.raises(NotYourKey):
        await revoke(governance, key, ben)
    assert await is_accepted(governance, secret)

    await revoke(governance, key, await person(governance, "eve", Role.ADMIN))
    assert not await is_accepted(governance, secret)


async def test_key_revokes_neither_the_admin_key_nor_one_above_itself(governance: Governance) -> None:
    ana = await person(governance)
    strong, _ = await make(governance, ana, role="admin")
    _, secret = await make(governance, ana, role="scientist")
    weak = await governance.credentials.by_key(secret.text, None)
    builtin = next(key for key in await all_keys(governance, ana) if key.is_builtin)

    for key in (strong, builtin):
        with pytest.raises(NotYourKey):
            await revoke(governance, key, weak)


async def test_key_made_by_a_key_belongs_to_the_person_behind_it(governance: Governance) -> None:
    ana = await person(governance)
    _, secret = await make(governance, ana, role="admin")

    made, _ = await make(governance, await governance.credentials.by_key(secret.text, None))

    assert made.maker_id == ana.id


async def test_key_acts_in_no_other_project(governance: Governance) -> None:
    _, secret = await make(governance, await person(governance), role="admin")
    other = await project(governance)

    with pytest.raises(ProjectNotFound):
        await governance.credentials.by_key(secret.text, other.slug)


async def test_admin_key_acts_in_any_project(governance: Governance, admin_key_file: Path) -> None:
    other = await project(governance)
    text = secret_in(admin_key_file)

    assert (await governance.credentials.by_key(text, other.slug)).project_id == other.id
    assert (await governance.credentials.by_key(text, str(other.id))).project_id == other.id


async def test_keys_are_listed_page_by_page_each_once(governance: Governance) -> None:
    ana = await person(governance)
    made = {(await make(governance, ana, name=f"k{number}"))[0].id for number in range(5)}  # all at the same time

    listed: list[Key] = []
    cursor = None
    while not listed or cursor is not None:
        async with governance.database.session() as session:
            page = await Keys(session, governance.now).store.page(ana.project_id, cursor, 2)
        listed, cursor = [*listed, *page.items], page.next_cursor

    assert made <= {key.id for key in listed}
    assert len(listed) == len({key.id for key in listed})


async def test_a_cursor_of_something_else_is_refused(governance: Governance) -> None:
    async with governance.database.session() as session:
        with pytest.raises(BadCursor):
            await Keys(session, governance.now).store.page(uuid4(), cursor_of("then", "there"), 2)


async def all_keys(governance: Governance, who: Principal) -> list[Key]:
    async with governance.database.session() as session:
        return (await Keys(session, governance.now).store.page(who.project_id, None, 100)).items


async def project(governance: Governance) -> Project:
    async with governance.database.session() as session:
        await Projects(session, governance.now).create(NewProject(slug="other"), SYSTEM)
        return await ProjectStore(session).named("other")


def secret_in(file: Path) -> str:
    return file.read_text().strip()
