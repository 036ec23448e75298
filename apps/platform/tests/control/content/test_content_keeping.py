"""Content is kept for who switched capture on, sealed, for a time, and forgotten when told."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from apps.platform.tests.control.conftest import URL, bearer
from apps.platform.tests.control.content_world import (
    BOTH,
    CONTENT,
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
from lumina_platform.control.app import create_app
from lumina_platform.control.building import build
from lumina_platform.control.contentdesk import ContentDesk
from lumina_platform.control.environment import Environment
from lumina_platform.control.running import running
from lumina_platform.control.world import World


async def test_capture_is_off_until_it_is_switched_on_and_the_refusal_says_how(
    client: httpx.AsyncClient, internal: httpx.AsyncClient, admin: Headers, reader: Headers
) -> None:
    project = (await client.get(PROJECTS, headers=admin)).json()["items"][0]["id"]

    taken = await kept(internal, record(project), record("nobody's"))
    answers = [
        await client.get(path, headers=reader, params={"why": "a look"}) for path in (CONTENT, f"{CONTENT}/{TRACE}")
    ]

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

    shown = [
        (await client.get(f"{CONTENT}/{trace}", headers=reader, params={"why": "a look"})).status_code
        for trace in (TRACE, OTHER_TRACE)
    ]
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
    gone = await client.get(f"{CONTENT}/{TRACE}", headers=reader, params={"why": "a look"})
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
