"""Limits of keys and projects over HTTP."""

from uuid import uuid4

import httpx
import pytest

from apps.governance.tests.conftest import URL
from apps.governance.tests.test_http import API, Headers, key_of, made, signed_in


async def test_limits_of_a_key_are_given_changed_and_shown(client: httpx.AsyncClient, admin: Headers) -> None:
    key = await made(client, admin, "/keys", name="k", limits={"models": ["gpt-4o"], "budget_usd": 0.1})
    await client.patch(f"{API}/keys/{key['id']}", headers=admin, json={"limits": {"models": None}})

    shown = (await client.get(f"{API}/keys/{key['id']}", headers=admin)).json()["limits"]

    assert shown == {
        "models": None, "requests_per_minute": None, "tokens_per_minute": None, "budget_usd": "0.1",
        "budget_period": "month",
    }  # fmt: skip


@pytest.mark.parametrize(
    "limits",
    [{"budget_usd": -1}, {"requests_per_minute": 0}, {"models": []}, {"budget_period": "week"}, {"rpm": 1},
     {"budget_period": "day"}],
)  # fmt: skip
async def test_malformed_limits_are_refused(
    client: httpx.AsyncClient, admin: Headers, limits: dict[str, object]
) -> None:
    key = await made(client, admin, "/keys", name="k")

    answers = [
        await client.patch(f"{API}/keys/{key['id']}", headers=admin, json={"limits": limits}),
        await client.post(f"{API}/keys", headers=admin, json={"name": "k", "limits": limits}),
    ]

    assert [answer.status_code for answer in answers] == [422, 422]


async def test_maker_who_raises_a_limit_is_told_which(client: httpx.AsyncClient, admin: Headers) -> None:
    await signed_in(client, admin, role="scientist")
    key = await made(client, {"origin": URL}, "/keys", name="k", limits={"tokens_per_minute": 9})
    path, raised = f"{API}/keys/{key['id']}", {"limits": {"tokens_per_minute": 10}}

    answer = await client.patch(path, headers={"origin": URL}, json=raised)

    assert (answer.status_code, answer.json()["code"]) == (403, "raised_limit")
    assert "tokens_per_minute" in answer.json()["detail"]


async def test_limits_of_a_project_are_set_by_an_admin_of_lumina(client: httpx.AsyncClient, admin: Headers) -> None:
    project = await made(client, admin, "/projects", slug="other", limits={"requests_per_minute": 5})
    theirs = await key_of(client, admin | {"x-lumina-project": "other"}, role="admin")
    path, body = f"{API}/projects/{project['id']}", {"limits": {"budget_usd": "12.5", "budget_period": "day"}}

    refused = await client.patch(path, headers=theirs, json=body)
    changed = await client.patch(path, headers=admin, json=body)

    assert refused.status_code == 403
    assert changed.json()["limits"]["budget_usd"] == "12.5"
    assert changed.json()["limits"]["requests_per_minute"] == 5
    assert (await client.patch(f"{API}/projects/{uuid4()}", headers=admin, json=body)).status_code == 404
