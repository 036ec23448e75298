"""Captured content is read by who was granted it, and every reading is noted."""

import json

import httpx

from apps.platform.tests.control.conftest import bearer
from apps.platform.tests.control.content_world import BOTH, CONTENT, OTHER_TRACE, SECRET, TRACE, Headers, kept, record


@BOTH
async def test_granted_key_reads_what_was_captured(
    client: httpx.AsyncClient, internal: httpx.AsyncClient, project: str, reader: Headers
) -> None:
    sent = record(project, kind="answer", route="chat", model="gpt", status=200, key_id="k", request_id="r")
    await kept(internal, record(project, source="otlp", kind="attributes", body={"gen_ai.prompt": SECRET}), sent)

    found = (await client.get(f"{CONTENT}/{TRACE}", headers=reader, params={"why": "a look"})).json()["items"]

    assert {json.dumps(each["body"]) for each in found} == {json.dumps(SECRET), json.dumps({"gen_ai.prompt": SECRET})}
    (answer,) = [each for each in found if each["kind"] == "answer"]
    assert {answer[name] for name in ("route", "model", "key_id", "request_id")} == {"chat", "gpt", "k", "r"}


@BOTH
async def test_listing_tells_of_content_without_a_word_of_it(
    client: httpx.AsyncClient, internal: httpx.AsyncClient, project: str, reader: Headers
) -> None:
    await kept(internal, record(project), record(project, OTHER_TRACE))

    first = (await client.get(CONTENT, headers=reader, params={"limit": 1})).json()
    query = {"limit": 1, "cursor": first["next_cursor"]}
    second = (await client.get(CONTENT, headers=reader, params=query)).json()

    assert {page["items"][0]["trace_id"] for page in (first, second)} == {TRACE, OTHER_TRACE}
    assert second["next_cursor"] is None
    assert SECRET not in str((first, second))


async def test_nobody_reads_content_by_role(
    client: httpx.AsyncClient, internal: httpx.AsyncClient, admin: Headers, project: str
) -> None:
    await kept(internal, record(project))

    for role in ("admin", "scientist", "auditor"):
        key = (await client.post("/api/governance/keys", headers=admin, json={"name": "k", "role": role})).json()
        answer = await client.get(f"{CONTENT}/{TRACE}", headers=bearer(key["secret"]), params={"why": "a look"})
        assert (answer.status_code, "content.read" in answer.json()["detail"]) == (403, True)
    answer = await client.get(f"{CONTENT}/{TRACE}", headers=admin, params={"why": "a look"})
    assert (answer.status_code, "lumina keys grant" in answer.json()["next_step"]) == (403, True)


async def test_every_reading_is_in_the_access_log(
    client: httpx.AsyncClient, internal: httpx.AsyncClient, admin: Headers, project: str, reader: Headers
) -> None:
    await kept(internal, record(project))

    await client.get(f"{CONTENT}/{TRACE}", headers=reader, params={"why": "incident 7"})
    without = await client.get(f"{CONTENT}/{TRACE}", headers=reader)
    await client.get(f"{CONTENT}/{OTHER_TRACE}", headers=reader, params={"why": "a look"})

    entries = (await client.get("/api/governance/access", headers=admin)).json()["items"]
    assert without.status_code == 422
    assert [(entry["trace_id"], entry["why"]) for entry in entries] == [(TRACE, "incident 7")]
    assert {(entry["action"], entry["actor"]["name"], entry["records"]) for entry in entries} == {
        ("content.read", "reader", 1)
    }


@BOTH
async def test_access_log_is_shown_page_by_page_and_by_trace(
    client: httpx.AsyncClient, internal: httpx.AsyncClient, admin: Headers, project: str, reader: Headers
) -> None:
    await kept(internal, record(project), record(project, OTHER_TRACE))
    for trace in (TRACE, OTHER_TRACE, TRACE):
        await client.get(f"{CONTENT}/{trace}", headers=reader, params={"why": "a look"})

    path = "/api/governance/access"
    first = (await client.get(path, headers=admin, params={"limit": 2})).json()
    second = (await client.get(path, headers=admin, params={"cursor": first["next_cursor"]})).json()
    of_trace = (await client.get(path, headers=admin, params={"trace_id": TRACE})).json()

    assert [len(page["items"]) for page in (first, second, of_trace)] == [2, 1, 2]
    assert (await client.get(path, headers=reader)).status_code == 403
