"""Governance over HTTP: what a program and a browser meet."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI

from apps.governance.tests.conftest import URL, Clock, bearer
from lumina_kit.auth import COOKIE
from lumina_kit.ledger import LedgerEntry

API = "/api/governance"
PASSWORD = "correct horse battery"
Headers = dict[str, str]


async def made(client: httpx.AsyncClient, admin: Headers, path: str, **body: Any) -> dict[str, Any]:
    answer = await client.post(API + path, headers=admin, json=body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def key_of(client: httpx.AsyncClient, admin: Headers, **fields: Any) -> Headers:
    return bearer((await made(client, admin, "/keys", name="k", **fields))["secret"])


async def test_admin_key_is_known_as_admin(client: httpx.AsyncClient, admin: Headers) -> None:
    me = (await client.get(f"{API}/me", headers=admin)).json()

    assert (me["kind"], me["name"], me["role"]) == ("key", "admin.key", "admin")
    assert "people.write" in me["permissions"]


@pytest.mark.parametrize(
    "headers", [{}, bearer("lum_wrong"), bearer(""), {"authorization": "Basic eDp5"}, {"cookie": f"{COOKIE}=x.y.z"}]
)
async def test_stranger_is_turned_away(client: httpx.AsyncClient, headers: Headers) -> None:
    answer = await client.get(f"{API}/me", headers=headers)

    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_two_authorization_headers_are_refused(client: httpx.AsyncClient, admin: Headers) -> None:
    twice = [("authorization", admin["authorization"]), ("authorization", "Bearer other")]

    assert (await client.get(f"{API}/me", headers=twice)).status_code == 401


async def test_key_is_shown_once_listed_without_its_secret_and_revoked(
    client: httpx.AsyncClient, admin: Headers
) -> None:
    shown = await made(client, admin, "/keys", name="laptop")

    listed = (await client.get(f"{API}/keys", headers=admin)).json()["items"]
    assert {name: value for name, value in shown.items() if name != "secret"} in listed
    revoked = await client.delete(f"{API}/keys/{shown['id']}", headers=admin)
    assert revoked.json()["revoked_at"] is not None
    assert (await client.get(f"{API}/me", headers=bearer(shown["secret"]))).status_code == 401


async def test_admin_key_cannot_lock_everyone_out(client: httpx.AsyncClient, admin: Headers) -> None:
    me = (await client.get(f"{API}/me", headers=admin)).json()

    answer = await client.delete(f"{API}/keys/{me['id']}", headers=admin)

    assert (answer.status_code, answer.json()["code"]) == (409, "builtin_key")
    assert (await client.get(f"{API}/me", headers=admin)).status_code == 200


async def test_key_above_its_maker_is_refused_with_what_is_too_much(client: httpx.AsyncClient, admin: Headers) -> None:
    scientist = await key_of(client, admin, role="scientist")

    answer = await client.post(f"{API}/keys", headers=scientist, json={"name": "k", "role": "admin"})

    assert (answer.status_code, answer.json()["code"]) == (403, "above_maker")


async def test_key_that_has_expired_already_is_malformed(client: httpx.AsyncClient, admin: Headers, now: Clock) -> None:
    past = (now() - timedelta(days=1)).isoformat()

    answer = await client.post(f"{API}/keys", headers=admin, json={"name": "k", "expires_at": past})

    assert (answer.status_code, answer.json()["code"]) == (422, "past_expiry")


async def test_another_projects_key_sees_none_of_ours(client: httpx.AsyncClient, admin: Headers) -> None:
    await made(client, admin, "/projects", slug="other")
    ours = await made(client, admin, "/keys", name="ours")
    theirs = await key_of(client, admin | {"x-lumina-project": "other"}, role="admin")

    assert [key["name"] for key in (await client.get(f"{API}/keys", headers=theirs)).json()["items"]] == ["k"]
    for method in ("GET", "DELETE"):
        answer = await client.request(method, f"{API}/keys/{ours['id']}", headers=theirs)
        assert (answer.status_code, answer.json()["code"]) == (404, "key_not_found")
    entries = (await client.get(f"{API}/ledger", headers=theirs)).json()["items"]
    assert "ours" not in [entry["subject"]["name"] for entry in entries]
    named = await client.get(f"{API}/keys", headers=theirs | {"x-lumina-project": "default"})
    assert (named.status_code, named.json()["code"]) == (404, "project_not_found")


async def test_projects_are_listed_for_who_belongs_to_them(client: httpx.AsyncClient, admin: Headers) -> None:
    await made(client, admin, "/projects", slug="other", name="The other")
    operator = await key_of(client, admin, role="operator")

    assert [p["slug"] for p in (await client.get(f"{API}/projects", headers=admin)).json()["items"]] == [
        "default",
        "other",
    ]
    assert [p["slug"] for p in (await client.get(f"{API}/projects", headers=operator)).json()["items"]] == ["default"]
    assert (await client.post(f"{API}/projects", headers=admin, json={"slug": "other"})).status_code == 409
    assert (await client.post(f"{API}/projects", headers=operator, json={"slug": "x"})).status_code == 403


async def test_person_is_added_changed_and_found(client: httpx.AsyncClient, admin: Headers) -> None:
    ana = await made(client, admin, "/people", login="Ana", role="scientist")

    changed = await client.patch(f"{API}/people/{ana['id']}", headers=admin, json={"disabled": True})

    assert changed.json()["disabled_at"] is not None
    assert (await client.get(f"{API}/people/{ana['id']}", headers=admin)).json() == changed.json()
    assert [p["login"] for p in (await client.get(f"{API}/people", headers=admin)).json()["items"]] == ["admin", "ana"]
    assert (await client.post(f"{API}/people", headers=admin, json={"login": "ANA"})).status_code == 409
    assert (await client.get(f"{API}/people/{uuid4()}", headers=admin)).status_code == 404


async def test_project_admins_key_sees_its_projects_people_and_entries_only(
    client: httpx.AsyncClient, admin: Headers
) -> None:
    other = await made(client, admin, "/projects", slug="other")
    ana = await made(client, admin, "/people", login="ana", project_ids=[other["id"]])
    ben = await made(client, admin, "/people", login="ben")
    theirs = await key_of(client, admin | {"x-lumina-project": "other"}, role="admin")

    assert (await client.get(f"{API}/people", headers=theirs)).json()["items"] == [ana]
    assert (await client.get(f"{API}/people/{ana['id']}", headers=theirs)).status_code == 200
    assert (await client.get(f"{API}/people/{ben['id']}", headers=theirs)).json()["code"] == "person_not_found"
    entries = (await client.get(f"{API}/ledger", headers=theirs)).json()["items"]
    assert {entry["project_id"] for entry in entries} == {other["id"]}


async def test_project_admins_key_makes_keys_like_itself(client: httpx.AsyncClient, admin: Headers) -> None:
    first = await key_of(client, admin, role="admin")

    second = await key_of(client, first, role="admin")

    assert (await client.post(f"{API}/links", headers=second, json={})).status_code == 403
    assert "people.write" not in (await client.get(f"{API}/me", headers=second)).json()["permissions"]


async def test_auditor_sees_entries_of_their_projects_and_those_of_none(
    client: httpx.AsyncClient, admin: Headers
) -> None:
    one, two = [await made(client, admin, "/projects", slug=slug) for slug in ("one", "two")]
    for slug in ("default", "one", "two"):
        await key_of(client, admin | {"x-lumina-project": slug})
    await signed_in(client, admin, role="auditor", project_ids=[one["id"], two["id"]])

    entries = (await client.get(f"{API}/ledger")).json()["items"]

    of_keys = {entry["project_id"] for entry in entries if entry["action"] == "key.created"}
    assert of_keys == {one["id"], two["id"]}
    assert "person.created" in {entry["action"] for entry in entries}


async def test_last_admin_cannot_be_disabled(client: httpx.AsyncClient, admin: Headers) -> None:
    (builtin,) = (await client.get(f"{API}/people", headers=admin)).json()["items"]

    answer = await client.patch(f"{API}/people/{builtin['id']}", headers=admin, json={"disabled": True})

    assert (answer.status_code, answer.json()["code"]) == (409, "last_admin")


async def test_password_signs_in_with_a_cookie_that_scripts_and_other_sites_do_not_get(
    client: httpx.AsyncClient, admin: Headers
) -> None:
    await made(client, admin, "/people", login="ana", role="operator", password=PASSWORD)

    answer = await client.post(f"{API}/sessions", json={"login": "ana", "password": PASSWORD})

    assert answer.status_code == 201
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "secure" not in cookie  # the public address is http
    assert (await client.get(f"{API}/me")).json()["name"] == "ana"


async def signed_in(client: httpx.AsyncClient, admin: Headers, **person: Any) -> dict[str, Any]:
    ana = await made(client, admin, "/people", login="ana", password=PASSWORD, **person)
    assert (await client.post(f"{API}/sessions", json={"login": "ana", "password": PASSWORD})).status_code == 201
    return ana


@pytest.mark.parametrize("origin", [None, "http://evil.test", "null", "http://lumina.test.evil.test"])
async def test_cookie_of_another_sites_request_changes_nothing(
    client: httpx.AsyncClient, admin: Headers, origin: str | None
) -> None:
    await signed_in(client, admin, role="admin")
    headers = {"origin": origin} if origin else {}

    answer = await client.post(f"{API}/projects", json={"slug": "stolen"}, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (403, "foreign_origin")
    assert (await client.post(f"{API}/projects", json={"slug": "mine"}, headers={"origin": URL})).status_code == 201


async def test_another_site_cannot_sign_a_browser_in(client: httpx.AsyncClient, admin: Headers) -> None:
    await made(client, admin, "/people", login="ana", password=PASSWORD)

    answer = await client.post(
        f"{API}/sessions", json={"login": "ana", "password": PASSWORD}, headers={"origin": "http://evil.test"}
    )

    assert answer.status_code == 403


async def test_signing_out_ends_the_session(client: httpx.AsyncClient, admin: Headers) -> None:
    await signed_in(client, admin)
    token = client.cookies[COOKIE]

    answer = await client.delete(f"{API}/sessions/current", headers={"origin": URL})

    assert answer.status_code == 204
    assert (await client.get(f"{API}/me", headers={"cookie": f"{COOKIE}={token}"})).status_code == 401


async def test_signing_out_everywhere_ends_every_session(client: httpx.AsyncClient, admin: Headers) -> None:
    await signed_in(client, admin)
    first = client.cookies[COOKIE]
    await client.post(f"{API}/sessions", json={"login": "ana", "password": PASSWORD})

    assert (await client.delete(f"{API}/sessions", headers={"origin": URL})).status_code == 204

    assert (await client.get(f"{API}/me", headers={"cookie": f"{COOKIE}={first}"})).status_code == 401


async def test_key_has_no_session_to_end(client: httpx.AsyncClient, admin: Headers) -> None:
    answer = await client.delete(f"{API}/sessions/current", headers=admin)

    assert (answer.status_code, answer.json()["code"]) == (403, "not_a_person")


async def test_own_password_is_changed_with_the_current_one(client: httpx.AsyncClient, admin: Headers) -> None:
    await signed_in(client, admin)
    here = {"origin": URL}

    wrong = await client.put(f"{API}/me/password", headers=here, json={"current": "x", "password": PASSWORD})
    right = await client.put(f"{API}/me/password", headers=here, json={"current": PASSWORD, "password": PASSWORD + "!"})

    assert (wrong.status_code, right.status_code) == (401, 204)
    assert "`current`" in wrong.json()["next_step"]
    assert (await client.get(f"{API}/me")).status_code == 401
    again = await client.post(f"{API}/sessions", json={"login": "ana", "password": PASSWORD + "!"})
    assert again.status_code == 201


async def test_guessing_is_answered_with_the_time_to_wait(client: httpx.AsyncClient, admin: Headers) -> None:
    guesses = [await client.post(f"{API}/sessions", json={"login": "ana", "password": "x"}) for _ in range(11)]

    assert [answer.status_code for answer in guesses] == [401] * 10 + [429]
    assert int(guesses[-1].headers["retry-after"]) >= 1


async def test_link_is_made_by_an_admin_for_a_person_or_for_the_builtin_admin(
    client: httpx.AsyncClient, admin: Headers
) -> None:
    ana = await made(client, admin, "/people", login="ana")

    assert (await made(client, admin, "/links"))["login"] == "admin"
    link = await made(client, admin, "/links", person_id=ana["id"])
    assert link["url"].startswith(f"{URL}/sign-in/")
    scientist = await key_of(client, admin, role="scientist")
    assert (await client.post(f"{API}/links", headers=scientist, json={})).status_code == 403
    assert (await client.post(f"{API}/links", headers=admin, json={"person_id": str(uuid4())})).status_code == 404


async def test_no_link_is_made_for_someone_disabled(client: httpx.AsyncClient, admin: Headers) -> None:
    (builtin,) = (await client.get(f"{API}/people", headers=admin)).json()["items"]
    await made(client, admin, "/people", login="ana", role="admin")
    await client.patch(f"{API}/people/{builtin['id']}", headers=admin, json={"disabled": True})

    for body in ({}, {"person_id": builtin["id"]}):
        answer = await client.post(f"{API}/links", headers=admin, json=body)
        assert (answer.status_code, answer.json()["code"]) == (409, "person_disabled")
        assert "lumina people enable admin" in answer.json()["next_step"]


async def test_audit_log_is_read_newest_first_page_by_page(client: httpx.AsyncClient, admin: Headers) -> None:
    for number in range(5):
        await made(client, admin, "/keys", name=f"key {number}")

    numbers: list[int] = []
    cursor: str | None = None
    while True:
        query: dict[str, int | str] = {"limit": 3, **({"cursor": cursor} if cursor else {})}
        page = (await client.get(f"{API}/ledger", headers=admin, params=query)).json()
        numbers += [entry["number"] for entry in page["items"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert numbers == list(range(8, 0, -1))


async def test_audit_log_is_searched(client: httpx.AsyncClient, admin: Headers, now: Clock) -> None:
    key = await made(client, admin, "/keys", name="laptop")
    now.pass_by(hours=1)
    await client.delete(f"{API}/keys/{key['id']}", headers=admin)
    me = (await client.get(f"{API}/me", headers=admin)).json()

    async def actions(**query: str) -> list[str]:
        answer = await client.get(f"{API}/ledger", headers=admin, params=query)
        return [entry["action"] for entry in answer.json()["items"]]

    assert await actions(subject=key["id"]) == ["key.revoked", "key.created"]
    assert await actions(subject=key["id"], action="key.created") == ["key.created"]
    assert await actions(action="project.*") == ["project.created"]
    assert await actions(actor=me["id"]) == ["key.revoked", "key.created"]
    assert await actions(since=now().isoformat()) == ["key.revoked"]
    assert "key.revoked" not in await actions(until=now().isoformat())


@pytest.mark.parametrize("query", ["cursor=x", "cursor=4pyT", "limit=0", "actor=%00", "since=yesterday"])
async def test_malformed_search_is_refused(client: httpx.AsyncClient, admin: Headers, query: str) -> None:
    assert (await client.get(f"{API}/ledger?{query}", headers=admin)).status_code == 422


async def test_edited_entry_is_found_by_its_number(client: httpx.AsyncClient, admin: Headers, app: FastAPI) -> None:
    await made(client, admin, "/keys", name="laptop")
    assert (await client.get(f"{API}/ledger/verify", headers=admin)).json()["intact"]
    async with app.state.governance.database.session() as session:
        entry = await session.get(LedgerEntry, 2)
        entry.body = entry.body.replace("Admin", "Nobody")

    verdict = (await client.get(f"{API}/ledger/verify", headers=admin)).json()

    assert (verdict["intact"], verdict["broken_at"]) == (False, 2)


async def test_a_failed_change_leaves_nothing_in_the_ledger(client: httpx.AsyncClient, admin: Headers) -> None:
    before = (await client.get(f"{API}/ledger/verify", headers=admin)).json()["head_number"]

    taken = [client.post(f"{API}/people", headers=admin, json={"login": "ana"}) for _ in range(4)]
    statuses = sorted(answer.status_code for answer in await asyncio.gather(*taken))

    assert statuses == [201, 409, 409, 409]
    assert (await client.get(f"{API}/ledger/verify", headers=admin)).json()["head_number"] == before + 1
