"""LiteLLM's key routes on Lumina's keys, on both databases."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from apps.governance.tests.conftest import Clock
from apps.governance.tests.test_keys import is_accepted, make, person, project
from lumina_contracts import snapshot
from lumina_governance.errors import AliasTaken, BuiltinKey, KeyNotFound, NotLiteLlms, ProjectNotFound, UnknownDuration
from lumina_governance.keys.models import Secret
from lumina_governance.litellm.models import Delete, Generate, Info, Shown, Update
from lumina_governance.litellm.service import LiteLlmKeys
from lumina_governance.wiring import Governance
from lumina_kit.auth import Principal
from lumina_kit.errors import Refused
from lumina_kit.roles import Role


async def admin_key(governance: Governance, **key: Any) -> Principal:
    _, secret = await make(governance, await person(governance), **({"role": "admin"} | key))
    return await governance.credentials.by_key(secret.text, None)


async def generate(governance: Governance, who: Principal, **asked: Any) -> Shown:
    async with governance.database.session() as session:
        return await LiteLlmKeys(session, governance.now, who).generate(Generate.model_validate(asked))


async def info(governance: Governance, who: Principal, key: str | None = None) -> Info:
    async with governance.database.session() as session:
        return await LiteLlmKeys(session, governance.now, who).info(key)


async def update(governance: Governance, who: Principal, **asked: Any) -> Info:
    async with governance.database.session() as session:
        return await LiteLlmKeys(session, governance.now, who).update(Update.model_validate(asked))


async def delete(governance: Governance, who: Principal, **asked: Any) -> list[str]:
    async with governance.database.session() as session:
        return [*await LiteLlmKeys(session, governance.now, who).delete(Delete.model_validate(asked))]


async def limits_of(governance: Governance, shown: Shown) -> snapshot.Limits:
    part = await governance.keys_in_force.keys_part()
    return next(entry.limits for entry in part.keys if entry.sha256 == shown.token_id)


async def test_generated_key_works_with_the_limits_that_were_asked_for(governance: Governance, now: Clock) -> None:
    who = await admin_key(governance)

    made = await generate(
        governance, who, models=["gpt-4o"], duration="30d", max_budget=0.1 + 0.2, budget_duration="1d", rpm_limit=60,
        tpm_limit=1000, key_alias="ci", metadata={"team": "core"}, user_id="ana",
    )  # fmt: skip

    assert await is_accepted(governance, Secret(made.key))
    assert await limits_of(governance, made) == snapshot.Limits(
        models=("gpt-4o",), requests_per_minute=60, tokens_per_minute=1000, budget_nano_usd=300_000_000,
        budget_period="day",
    )  # fmt: skip
    assert (made.token, made.token_id) == (Secret(made.key).sha256,) * 2
    assert made.expires == now() + timedelta(days=30)
    assert (made.max_budget, made.budget_duration, made.key_alias) == (0.3, "1d", "ci")
    assert (made.metadata, made.lumina_ignored) == ({"team": "core"}, ["user_id"])


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"models": [], "max_budget": None, "duration": "-1", "metadata": {}, "team_id": "", "blocked": False},
        {"models": ["all-proxy-models"], "key_type": "llm_api", "aliases": {}, "spend": 0},
    ],
)
async def test_key_without_limits_may_do_what_its_project_may(governance: Governance, asked: dict[str, Any]) -> None:
    made = await generate(governance, await admin_key(governance), **asked)

    assert await limits_of(governance, made) == snapshot.UNLIMITED
    assert (made.expires, made.models, made.max_budget) == (None, [], None)
    assert made.key_alias == f"key-{made.key[-4:]}"


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"team_id": "core"}, NotLiteLlms),
        ({"max_parallel_requests": 3}, NotLiteLlms),
        ({"guardrails": ["pii"], "user_id": "ana"}, NotLiteLlms),
        ({"max_budget": 5}, UnknownDuration),
        ({"max_budget": 5, "budget_duration": "7d"}, UnknownDuration),
        ({"duration": "soon"}, UnknownDuration),
        ({"models": ["a b"]}, ValidationError),
        ({"max_budget": -1, "budget_duration": "1d"}, ValidationError),
        ({"key_type": "management"}, ValidationError),
        ({"metadata": {"x": "y" * 5000}}, ValidationError),
        ({"project_id": "nowhere"}, ProjectNotFound),
    ],
)
async def test_what_lumina_has_not_is_refused(
    governance: Governance, asked: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        await generate(governance, await admin_key(governance), **asked)


async def test_alias_is_taken_until_its_key_is_deleted(governance: Governance) -> None:
    who = await admin_key(governance)
    first = await generate(governance, who, key_alias="ci")

    with pytest.raises(AliasTaken):
        await generate(governance, who, key_alias="ci")
    assert await delete(governance, who, key_aliases=["ci"]) == ["ci"]
    await generate(governance, who, key_alias="ci")

    assert not await is_accepted(governance, Secret(first.key))
    assert (await info(governance, who, first.token_id)).status == "deleted"


async def test_key_is_found_by_itself_or_its_hash(governance: Governance, now: Clock) -> None:
    who = await admin_key(governance)
    made = await generate(governance, who, duration="1h", max_budget=5, budget_duration="30d")

    by_key, by_hash = await info(governance, who, made.key), await info(governance, who, made.token_id)
    now.pass_by(hours=1)

    assert by_key == by_hash
    assert (by_key.key_name, by_key.status) == (f"sk-...{made.key[-4:]}", "active")
    assert by_key.budget_reset_at is not None
    assert by_key.budget_reset_at.isoformat() == "2126-12-01T00:00:00+00:00"
    assert (await info(governance, who, made.key)).status == "expired"


async def test_key_sees_itself_and_only_an_admins_sees_others(governance: Governance) -> None:
    who = await admin_key(governance)
    made, other = await generate(governance, who), await generate(governance, who)
    weak = await governance.credentials.by_key(made.key, None)

    assert (await info(governance, weak)).token_id == made.token_id
    for refused in (
        info(governance, weak, other.key),
        generate(governance, weak),
        delete(governance, weak, keys=["x"]),
    ):
        with pytest.raises(Refused):
            await refused


async def test_update_changes_what_it_names_and_null_takes_a_limit_away(governance: Governance) -> None:
    who = await admin_key(governance)
    made = await generate(governance, who, models=["m"], rpm_limit=5, max_budget=5, budget_duration="1d")

    after = await update(governance, who, key=made.key, models=[], rpm_limit=None, max_budget=2.5)

    assert (after.models, after.rpm_limit, after.max_budget, after.budget_duration) == ([], None, 2.5, "1d")
    assert await limits_of(governance, made) == snapshot.Limits(budget_nano_usd=2_500_000_000, budget_period="day")
    with pytest.raises(NotLiteLlms):
        await update(governance, who, key=made.key, duration="1h")


async def test_of_several_keys_all_are_deleted_or_none(governance: Governance) -> None:
    who = await admin_key(governance)
    one, two = await generate(governance, who), await generate(governance, who)

    wrongly: list[dict[str, list[str]]] = [{"keys": [one.key, "sk-unknown"]}, {"keys": []}, {"key_aliases": ["nobody"]}]
    for wrong in wrongly:
        with pytest.raises(KeyNotFound):
            await delete(governance, who, **wrong)
    assert await is_accepted(governance, Secret(one.key))
    assert await delete(governance, who, keys=[one.key, two.token_id]) == [one.key, two.token_id]

    assert not await is_accepted(governance, Secret(one.key))
    assert not await is_accepted(governance, Secret(two.key))


async def test_another_projects_keys_are_not_found_but_by_the_admin_key(
    governance: Governance, admin_key_file: Any
) -> None:
    other, who = await project(governance), await admin_key(governance)
    builtin = await governance.credentials.by_key(admin_key_file.read_text().strip(), None)

    theirs = await generate(governance, builtin, project_id=other.slug)

    assert theirs.project_id == str(other.id)
    with pytest.raises(ProjectNotFound):
        await generate(governance, who, project_id=other.slug)
    with pytest.raises(KeyNotFound):
        await info(governance, who, theirs.key)
    assert await delete(governance, builtin, keys=[theirs.key]) == [theirs.key]
    with pytest.raises(BuiltinKey):
        await delete(governance, builtin, keys=[admin_key_file.read_text().strip()])


async def test_scientists_key_manages_nothing(governance: Governance) -> None:
    with pytest.raises(Refused):
        await generate(governance, await admin_key(governance, role=Role.SCIENTIST))
