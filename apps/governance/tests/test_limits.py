"""Limits of keys and projects: who sets them, what is written, what the gateway is told; on both databases."""

from typing import Any

import pytest
from sqlalchemy import select

from apps.governance.tests.test_keys import all_keys, make, person, project, revoke
from lumina_contracts import snapshot
from lumina_governance.errors import BuiltinKey, LimitedMaker, NotYourKey, ProjectNotFound, RaisedLimit, RevokedKey
from lumina_governance.keys.models import Key, KeyUpdate
from lumina_governance.keys.service import Keys
from lumina_governance.projects.models import Project, ProjectUpdate
from lumina_governance.projects.service import Projects
from lumina_governance.wiring import Governance
from lumina_kit.auth import Principal
from lumina_kit.ledger import SYSTEM, LedgerEntry
from lumina_kit.outbox import OutboxEvent
from lumina_kit.roles import Role

BUDGET = {"models": ["gpt-4o", "openai/*"], "requests_per_minute": 60, "budget_usd": "0.1", "budget_period": "day"}


async def limit(governance: Governance, key: Key, who: Principal, **limits: Any) -> Key:
    async with governance.database.session() as session:
        update = KeyUpdate.model_validate({"limits": limits})
        return await Keys(session, governance.now).change(key.id, update, who)


async def limit_project(governance: Governance, of: Project, **limits: Any) -> Project:
    async with governance.database.session() as session:
        update = ProjectUpdate.model_validate({"limits": limits})
        return await Projects(session, governance.now).change(of.id, update, SYSTEM)


async def told(governance: Governance, key: Key) -> snapshot.Limits:
    """What the gateway is told of a key."""
    part = await governance.keys_in_force.keys_part()
    return next(entry.limits for entry in part.keys if entry.id == str(key.id))


async def written(governance: Governance, kind: str) -> tuple[int, int]:
    """How many entries and events there are of `key.changed` or `project.changed`."""
    async with governance.database.session() as session:
        entries = list(await session.scalars(select(LedgerEntry).where(LedgerEntry.action == kind)))
        events = list(await session.scalars(select(OutboxEvent).where(OutboxEvent.type == f"dev.lumina.{kind}.v1")))
    return len(entries), len(events)


async def test_new_keys_limits_are_kept_and_told_to_the_gateway(governance: Governance) -> None:
    ana = await person(governance)
    key, _ = await make(governance, ana, limits=BUDGET)

    assert await told(governance, key) == snapshot.Limits(
        models=("gpt-4o", "openai/*"), requests_per_minute=60, budget_nano_usd=100_000_000, budget_period="day"
    )
    assert key in await all_keys(governance, ana)


async def test_changed_limit_is_one_entry_and_one_event_and_the_rest_stays(governance: Governance) -> None:
    ana = await person(governance)
    key, _ = await make(governance, ana, limits=BUDGET)

    after = await limit(governance, key, ana, requests_per_minute=None, budget_usd="2.5")

    assert await told(governance, key) == snapshot.Limits(
        models=("gpt-4o", "openai/*"), budget_nano_usd=2_500_000_000, budget_period="day"
    )
    assert await limit(governance, key, ana, budget_usd="2.50") == after  # the same again
    assert await written(governance, "key.changed") == (1, 1)


async def test_maker_lowers_and_only_an_admin_raises(governance: Governance) -> None:
    ana = await person(governance, role=Role.SCIENTIST)
    key, _ = await make(governance, ana, limits={"requests_per_minute": 60})

    await limit(governance, key, ana, requests_per_minute=30, tokens_per_minute=1000)
    for raised in ({"requests_per_minute": 31}, {"requests_per_minute": None}, {"tokens_per_minute": None}):
        with pytest.raises(RaisedLimit):
            await limit(governance, key, ana, **raised)
    after = await limit(governance, key, await person(governance, "eve"), requests_per_minute=90)

    assert after.limits.requests_per_minute == 90


async def test_someone_elses_key_is_not_limited_by_who_is_no_admin(governance: Governance) -> None:
    key, _ = await make(governance, await person(governance, role=Role.SCIENTIST))
    ben = await person(governance, "ben", Role.SCIENTIST)

    with pytest.raises(NotYourKey):
        await limit(governance, key, ben, requests_per_minute=1)


async def test_key_with_limits_makes_no_keys_that_would_have_them_once_more(governance: Governance) -> None:
    ana = await person(governance)
    _, limited = await make(governance, ana, role="scientist", limits={"budget_usd": 5})
    _, free = await make(governance, ana, role="scientist")

    with pytest.raises(LimitedMaker):
        await make(governance, await governance.credentials.by_key(limited.text, None))
    await make(governance, await governance.credentials.by_key(free.text, None))


async def test_admin_key_and_revoked_keys_are_not_limited(governance: Governance) -> None:
    ana = await person(governance)
    key, _ = await make(governance, ana)
    builtin = next(each for each in await all_keys(governance, ana) if each.is_builtin)
    await revoke(governance, key, ana)

    with pytest.raises(BuiltinKey):
        await limit(governance, builtin, ana, requests_per_minute=1)
    with pytest.raises(RevokedKey):
        await limit(governance, key, ana, requests_per_minute=1)


async def test_projects_limits_are_told_to_the_gateway_until_they_are_taken_away(governance: Governance) -> None:
    other = await project(governance)
    assert (await governance.keys_in_force.keys_part()).projects == ()

    await limit_project(governance, other, tokens_per_minute=500, budget_usd=100)
    (entry,) = (await governance.keys_in_force.keys_part()).projects
    await limit_project(governance, other, tokens_per_minute=None, budget_usd=None)

    assert entry.id == str(other.id)
    assert entry.limits == snapshot.Limits(tokens_per_minute=500, budget_nano_usd=100 * 10**9, budget_period="month")
    assert (await governance.keys_in_force.keys_part()).projects == ()
    assert await written(governance, "project.changed") == (2, 2)


async def test_unknown_project_is_not_limited(governance: Governance) -> None:
    other = await project(governance)

    with pytest.raises(ProjectNotFound):
        await limit_project(governance, other.model_copy(update={"id": other.id.__class__(int=7)}), budget_usd=1)
