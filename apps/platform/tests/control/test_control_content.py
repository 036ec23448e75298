# size: one walk through keeping, granting, reading and forgetting, against one control plane
"""Captured content: kept for who switched it on, sealed, read by who was granted it, and every reading is noted."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from apps.platform.tests.control.conftest import URL, bearer
from lumina_platform.control.app import create_app
from lumina_platform.control.building import build
from lumina_platform.control.contentdesk import ContentDesk
from lumina_platform.control.environment import Environment
from lumina_platform.control.keydesk import KeyDesk
from lumina_platform.control.running import running
from lumina_platform.control.world import World
from lumina_platform.internal import InternalApp
from tools.testing.databases import new_postgres

Headers = dict[str, str]
TRACE, OTHER_TRACE, SPAN = "a" * 32, "b" * 32, "c" * 16
SECRET = "what ana told the model"
PROJECTS, CONTENT = "/api/governance/projects", "/api/telemetry/content"
ON = {"enabled": True, "retention_days": 30}


BOTH = pytest.mark.parametrize("world", ["sqlite", "postgres"], indirect=True)


class Clock:
    """A time that a test moves; it is never the same twice."""

    def __init__(self) -> None:
        self.at = datetime(2126, 11, 20, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.at += timedelta(milliseconds=1)
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def world(
    request: pytest.FixtureRequest, environment: Environment, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[World]:
    """A control plane at work."""
    if getattr(request, "param", "sqlite") == "postgres":
        server = request.getfixturevalue("postgres_server")
        monkeypatch.setenv("LUMINA_PLATFORM_DATABASE_URL", new_postgres(server))
    world = build(environment, clock)
    async with running(world):
        yield world


@pytest.fixture
async def internal(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """The gateway's and telemetry's end of the internal socket."""
    app = InternalApp(world.hub, KeyDesk(world.governance, world.inference), ContentDesk(world.contents))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://c") as client:
        yield client


@pytest.fixture
async def project(client: httpx.AsyncClient, admin: Headers) -> str:
    """The default project's id; capture is on."""
    found = str((await client.get(PROJECTS, headers=admin)).json()["items"][0]["id"])
    assert (await client.put(f"{PROJECTS}/{found}/capture", headers=admin, json=ON)).status_code == 200
    return found


@pytest.fixture
async def reader(client: httpx.AsyncClient, admin: Headers) -> Headers:
    """A key with no role that was granted content.read for a day."""
    return await granted(client, admin)


async def granted(client: httpx.AsyncClient, admin: Headers, hours: int = 24) -> Headers:
    key = (await client.post("/api/governance/keys", headers=admin, json={"name": "reader"})).json()
    path = f"/api/governance/keys/{key['id']}/grants/content.read"
    answer = await client.put(path, headers=admin, json={"hours": hours, "why": "incident 7"})
    assert answer.status_code == 200, answer.text
    return bearer(key["secret"])


def record(project: str, trace: str = TRACE, **more: Any) -> dict[str, Any]:
    return {
        "project": project,
        "trace_id": trace,
        "span_id": SPAN,
        "at_ns": 10**18,
        "source": "gateway",
        "kind": "request",
        "body": SECRET,
    } | more


async def kept(internal: httpx.AsyncClient, *records: dict[str, Any]) -> int:
    answer = await internal.post("/content", json={"records": records})
    assert answer.status_code == 200, answer.text
    return int(answer.json()["kept"])


@BOTH
async def test_granted_key_reads_what_was_captured(
    client: httpx.AsyncClient, internal: httpx.AsyncClient, project: str, reader: Headers
) -> None:
    sent = record(project, kind="answer", route="chat", model="gpt", status=200, key_id="k", request_id="r")
    await kept(internal, record(project, source="otlp", kind="attributes", body={"gen_ai.prompt": SECRET}), sent)

    found = (await client.get(f"{CONTENT}/{TRACE}", headers=reader)).json()["items"]

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
        answer = await client.get(f"{CONTENT}/{TRACE}", headers=bearer(key["secret"]))
        assert (answer.status_code, "content.read" in answer.json()["detail"]) == (403, True)
    answer = await client.get(f"{CONTENT}/{TRACE}", headers=admin)
    assert (answer.status_code, "lumina keys grant" in answer.json()["next_step"]) == (403, True)


async def test_every_reading_is_in_the_access_log(
    client: httpx.AsyncClient, internal: httpx.AsyncClient, admin: Headers, project: str, reader: Headers
) -> None:
    await kept(internal, record(project))

    await client.get(f"{CONTENT}/{TRACE}", headers=reader, params={"why": "incident 7"})
    await client.get(f"{CONTENT}/{TRACE}", headers=reader)
    await client.get(f"{CONTENT}/{OTHER_TRACE}", headers=reader)

    entries = (await client.get("/api/governance/access", headers=admin)).json()["items"]
    assert [(entry["trace_id"], entry["why"]) for entry in reversed(entries)] == [(TRACE, "incident 7"), (TRACE, None)]
    assert {(entry["action"], entry["actor"]["name"], entry["records"]) for entry in entries} == {
        ("content.read", "reader", 1)
    }


@BOTH
async def test_access_log_is_shown_page_by_page_and_by_trace(
    client: httpx.AsyncClient, internal: httpx.AsyncClient, admin: Headers, project: str, reader: Headers
) -> None:
    await kept(internal, record(project), record(project, OTHER_TRACE))
    for trace in (TRACE, OTHER_TRACE, TRACE):
        await client.get(f"{CONTENT}/{trace}", headers=reader)

    path = "/api/governance/access"
    first = (await client.get(path, headers=admin, params={"limit": 2})).json()
    second = (await client.get(path, headers=admin, params={"cursor": first["next_cursor"]})).json()
    of_trace = (await client.get(path, headers=admin, params={"trace_id": TRACE})).json()

    assert [len(page["items"]) for page in (first, second, of_trace)] == [2, 1, 2]
    assert (await client.get(path, headers=reader)).status_code == 403


@BOTH
async def test_grant_ends_by_itself_and_at_once_when_revoked(
    client: httpx.AsyncClient, internal: httpx.AsyncClient, admin: Headers, project: str, clock: Clock
) -> None:
    await kept(internal, record(project))
    short, revoked = await granted(client, admin, hours=1), await granted(client, admin)
    grants = "/api/governance/grants"

    newest = (await client.get(grants, headers=admin)).json()["items"][0]
    ended = await client.delete(f"{grants}/{newest['id']}", headers=admin)
    before = [(await client.get(CONTENT, headers=who)).status_code for who in (short, revoked)]
    clock.at += timedelta(hours=1)
    after = [(await client.get(CONTENT, headers=who)).status_code for who in (short, revoked)]

    assert (ended.status_code, before, after) == (200, [200, 403], [403, 403])
    actions = {entry["action"] for entry in (await client.get("/api/governance/ledger", headers=admin)).json()["items"]}
    assert {"grant.created", "grant.revoked", "project.capture_changed"} <= actions


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
        (await client.get(f"{CONTENT}/{trace}", headers=headers)).status_code
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
    read = await client.get(f"{CONTENT}/{TRACE}")

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


async def test_capture_is_off_until_it_is_switched_on_and_the_refusal_says_how(
    client: httpx.AsyncClient, internal: httpx.AsyncClient, admin: Headers, reader: Headers
) -> None:
    project = (await client.get(PROJECTS, headers=admin)).json()["items"][0]["id"]

    taken = await kept(internal, record(project), record("nobody's"))
    answers = [await client.get(path, headers=reader) for path in (CONTENT, f"{CONTENT}/{TRACE}")]

    assert taken == 0
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(409, "capture_off")}
    assert all("lumina projects capture" in answer.json()["next_step"] for answer in answers)


async def test_capture_switched_off_takes_nothing_more_and_keeps_what_it_has(
    client: httpx.AsyncClient, internal: httpx.AsyncClient, admin: Headers, project: str, reader: Headers
) -> None:
    await kept(internal, record(project))

    off = await client.put(f"{PROJECTS}/{project}/capture", headers=admin, json={"enabled": False})
    taken = await kept(internal, record(project))

    assert (off.json()["enabled"], off.json()["retention_days"], taken) == (False, 30, 0)
    assert len((await client.get(CONTENT, headers=reader)).json()["items"]) == 1


@pytest.mark.parametrize("to", [{"enabled": True}, {**ON, "retention_days": 0}, {**ON, "retention_days": 366}])
async def test_content_is_not_kept_for_ever(
    client: httpx.AsyncClient, admin: Headers, project: str, to: dict[str, Any]
) -> None:
    assert (await client.put(f"{PROJECTS}/{project}/capture", headers=admin, json=to)).status_code == 422


@BOTH
async def test_content_beyond_its_retention_is_not_shown_and_then_deleted(
    client: httpx.AsyncClient, internal: httpx.AsyncClient, admin: Headers, project: str, world: World, clock: Clock
) -> None:
    await kept(internal, record(project))
    clock.at += timedelta(days=30)
    await kept(internal, record(project, OTHER_TRACE))
    reader = await granted(client, admin)

    shown = [(await client.get(f"{CONTENT}/{trace}", headers=reader)).status_code for trace in (TRACE, OTHER_TRACE)]
    await world.contents.prune()
    deleted = [await deletable(client, admin, trace) for trace in (TRACE, OTHER_TRACE)]

    assert (shown, deleted) == ([404, 200], [0, 1])


async def deletable(client: httpx.AsyncClient, admin: Headers, trace: str) -> int:
    return int((await client.delete(f"{CONTENT}/{trace}", headers=admin)).json()["deleted"])


@BOTH
async def test_content_is_forgotten_by_trace_and_by_project_and_the_access_log_has_it(
    client: httpx.AsyncClient, internal: httpx.AsyncClient, admin: Headers, project: str, reader: Headers
) -> None:
    await kept(internal, record(project), record(project, OTHER_TRACE), record(project, "d" * 32))

    one = await client.delete(f"{CONTENT}/{TRACE}", headers=admin, params={"why": "ana asked"})
    gone = await client.get(f"{CONTENT}/{TRACE}", headers=reader)
    rest = await client.delete(CONTENT, headers=admin)

    assert (one.json(), gone.status_code, rest.json()) == ({"deleted": 1}, 404, {"deleted": 2})
    entries = (await client.get("/api/governance/access", headers=admin)).json()["items"]
    assert [(entry["action"], entry["trace_id"], entry["why"]) for entry in reversed(entries)] == [
        ("content.deleted", TRACE, "ana asked"),
        ("content.deleted", None, None),
    ]


async def test_too_much_content_gives_up_the_oldest(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUMINA_TELEMETRY_CONTENT_BYTES", "2000")

    async with capturing(environment) as (world, client, admin, project):
        many = json.dumps({"records": [record(project, body="x" * 300)] * 300})
        await ContentDesk(world.contents).answer(many.encode())
        await world.contents.prune()
        left = (await client.delete(CONTENT, headers=admin)).json()["deleted"]

    assert left < 7


@asynccontextmanager
async def capturing(environment: Environment) -> AsyncIterator[tuple[World, httpx.AsyncClient, Headers, str]]:
    """A control plane on SQLite whose default project captures."""
    world = build(environment)
    transport = httpx.ASGITransport(create_app(world))
    async with running(world), httpx.AsyncClient(transport=transport, base_url=URL) as client:
        admin = bearer(world.home.admin_key_file.read_text().strip())
        project = (await client.get(PROJECTS, headers=admin)).json()["items"][0]["id"]
        await client.put(f"{PROJECTS}/{project}/capture", headers=admin, json=ON)
        yield world, client, admin, project


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"records": [{}]}', b"\xff", b'{"records": [' + b"1," * 2000])
async def test_malformed_content_is_refused(internal: httpx.AsyncClient, body: bytes) -> None:
    assert (await internal.post("/content", content=body)).status_code == 400


async def test_content_that_is_too_large_is_refused(internal: httpx.AsyncClient) -> None:
    assert (await internal.post("/content", content=b"x" * (8 * 2**20 + 1))).status_code == 413


async def test_no_word_of_it_is_on_disk_in_clear(environment: Environment) -> None:
    async with capturing(environment) as (world, _client, _admin, project):
        status, _ = await ContentDesk(world.contents).answer(json.dumps({"records": [record(project)]}).encode())
        during = clear(environment.home.path)
    after = clear(environment.home.path)

    assert (status, during, after) == (200, [], [])


def clear(folder: Path) -> list[str]:
    files = [file for file in folder.rglob("*") if file.is_file()]
    assert "content.sqlite" in {file.name for file in files}
    return [file.name for file in files if SECRET.encode() in file.read_bytes()]
