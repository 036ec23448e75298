"""Grants: to read content in one project, for a time."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from apps.platform.tests.control.content_world import (
    BOTH,
    CONTENT,
    GRANTS,
    ON,
    OTHER_TRACE,
    PROJECTS,
    SECRET,
    TRACE,
    Clock,
    Headers,
    granted,
    kept,
    record,
)


@BOTH
async def test_grant_ends_by_itself_and_at_once_when_revoked(
    client: httpx.AsyncClient, internal: httpx.AsyncClient, admin: Headers, project: str, clock: Clock
) -> None:
    await kept(internal, record(project))
    short, revoked = await granted(client, admin, hours=1), await granted(client, admin)

    newest = (await client.get(GRANTS, headers=admin)).json()["items"][0]
    ended = await client.delete(f"{GRANTS}/{newest['id']}", headers=admin)
    before = [(await client.get(CONTENT, headers=who)).status_code for who in (short, revoked)]
    clock.at += timedelta(hours=1)
    after = [(await client.get(CONTENT, headers=who)).status_code for who in (short, revoked)]

    assert (ended.status_code, before, after) == (200, [200, 403], [403, 403])
    actions = {entry["action"] for entry in (await client.get("/api/governance/ledger", headers=admin)).json()["items"]}
    assert {"grant.created", "grant.revoked", "project.capture_changed"} <= actions


@BOTH
async def test_new_grant_takes_the_place_of_the_one_in_force(
    client: httpx.AsyncClient, internal: httpx.AsyncClient, admin: Headers, project: str, clock: Clock
) -> None:
    await kept(internal, record(project))
    me = (await client.get("/api/governance/me", headers=admin)).json()["id"]
    path = f"/api/governance/keys/{me}/grants/content.read"

    for hours in (720, 1):
        await client.put(path, headers=admin, json={"hours": hours, "why": "incident 7"})
    newest, before = (await client.get(GRANTS, headers=admin)).json()["items"]
    reads = [(await client.get(CONTENT, headers=admin)).status_code]
    clock.at += timedelta(hours=1)
    reads.append((await client.get(CONTENT, headers=admin)).status_code)

    assert (newest["revoked_at"], before["revoked_at"] is None, reads) == (None, False, [200, 403])
    actions = [entry["action"] for entry in (await client.get("/api/governance/ledger", headers=admin)).json()["items"]]
    assert actions[:3] == ["grant.created", "grant.revoked", "grant.created"]


async def test_grant_holds_in_one_project_alone(
    client: httpx.AsyncClient, internal: httpx.AsyncClient, admin: Headers, project: str
) -> None:
    other = (await client.post(PROJECTS, headers=admin, json={"slug": "other"})).json()["id"]
    await client.put(f"{PROJECTS}/{other}/capture", headers=admin, json=ON)
    await kept(internal, record(project), record(other, OTHER_TRACE))
    me = (await client.get("/api/governance/me", headers=admin)).json()["id"]
    grant = {"hours": 1, "why": "a look"}
    await client.put(f"/api/governance/keys/{me}/grants/content.read", headers=admin, json=grant)

    there = admin | {"x-lumina-project": "other"}
    statuses = [
        (await client.get(f"{CONTENT}/{trace}", headers=headers, params={"why": "a look"})).status_code
        for trace, headers in ((TRACE, admin), (OTHER_TRACE, admin), (OTHER_TRACE, there))
    ]

    assert statuses == [200, 404, 403]


async def test_granted_person_reads_in_their_session_and_others_cannot_be_granted(
    client: httpx.AsyncClient, internal: httpx.AsyncClient, admin: Headers, project: str
) -> None:
    await kept(internal, record(project))
    people, grant = "/api/governance/people", {"hours": 1, "why": "incident 7"}
    password = "correct horse battery"
    ana = (await client.post(people, headers=admin, json={"login": "ana", "password": password})).json()["id"]
    ben = (await client.post(people, headers=admin, json={"login": "ben"})).json()["id"]
    await client.patch(f"{people}/{ben}", headers=admin, json={"disabled": True})
    await client.post(PROJECTS, headers=admin, json={"slug": "other"})
    there = admin | {"x-lumina-project": "other"}

    answers = [
        (await client.put(f"{people}/{who}/grants/content.read", headers=headers, json=grant)).status_code
        for who, headers in ((ana, admin), (ana, there), (ben, admin), (project, admin))
    ]
    await client.post("/api/governance/sessions", json={"login": "ana", "password": password})
    read = await client.get(f"{CONTENT}/{TRACE}", params={"why": "a look"})

    assert answers == [200, 409, 409, 404]
    assert (read.status_code, SECRET in read.text) == (200, True)


async def test_key_of_another_project_or_revoked_is_not_granted(
    client: httpx.AsyncClient, admin: Headers, project: str
) -> None:
    await client.post(PROJECTS, headers=admin, json={"slug": "other"})
    keys, there = "/api/governance/keys", admin | {"x-lumina-project": "other"}
    made = [(await client.post(keys, headers=who, json={"name": "k"})).json()["id"] for who in (there, admin)]
    await client.delete(f"{keys}/{made[1]}", headers=admin)

    answers = [
        (
            await client.put(f"{keys}/{key}/grants/content.read", headers=admin, json={"hours": 1, "why": "x"})
        ).status_code
        for key in made
    ]

    assert answers == [404, 409]


@pytest.mark.parametrize(
    "grant", [{"hours": 0, "why": "x"}, {"hours": 721, "why": "x"}, {"hours": 1}, {"hours": 1, "why": " "}]
)
async def test_grant_needs_an_end_and_a_reason(
    client: httpx.AsyncClient, admin: Headers, grant: dict[str, Any]
) -> None:
    key = (await client.post("/api/governance/keys", headers=admin, json={"name": "k"})).json()

    answer = await client.put(f"/api/governance/keys/{key['id']}/grants/content.read", headers=admin, json=grant)

    assert answer.status_code == 422


async def test_nothing_else_can_be_granted(client: httpx.AsyncClient, admin: Headers) -> None:
    key = (await client.post("/api/governance/keys", headers=admin, json={"name": "k"})).json()

    path = f"/api/governance/keys/{key['id']}/grants/people.write"
    answer = await client.put(path, headers=admin, json={"hours": 1, "why": "x"})

    assert answer.status_code == 422
