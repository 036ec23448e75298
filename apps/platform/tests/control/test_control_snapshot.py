"""The way of a change from a row or a file to the gateway."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from sqlalchemy import select

from lumina_contracts.snapshot import KeysPart, RoutesPart, Snapshot
from lumina_kit.ledger import LedgerEntry
from lumina_platform.control.building import build
from lumina_platform.control.contentdesk import ContentDesk
from lumina_platform.control.environment import Environment
from lumina_platform.control.keydesk import KeyDesk
from lumina_platform.control.running import running
from lumina_platform.control.snapshots import SnapshotHub
from lumina_platform.control.world import World
from lumina_platform.internal import InternalApp

Headers = dict[str, str]


class NoKeys:
    async def keys_part(self) -> KeysPart:
        return KeysPart()


class NoRoutes:
    def routes_part(self) -> RoutesPart:
        return RoutesPart()


@pytest.fixture
async def internal(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """The gateway's end of the internal socket."""
    app = InternalApp(world.hub, KeyDesk(world.governance, world.inference), ContentDesk(world.contents))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://c") as client:
        yield client


async def made(client: httpx.AsyncClient, admin: Headers) -> dict[str, Any]:
    return dict((await client.post("/api/governance/keys", headers=admin, json={"name": "k"})).json())


async def next_snapshot(internal: httpx.AsyncClient, known: str) -> Snapshot:
    answer = await internal.get("/snapshot", params={"known": known})
    assert answer.status_code == 200
    return msgspec.json.decode(answer.content, type=Snapshot)


async def test_gateway_is_given_the_admin_key_and_the_embedded_models(internal: httpx.AsyncClient) -> None:
    snapshot = await next_snapshot(internal, "")

    assert [key.role for key in snapshot.keys.keys] == ["admin"]
    assert {route.name for route in snapshot.routes.routes} == {"lumina/extractive", "lumina/minilm"}


async def test_new_and_revoked_keys_reach_the_gateway_that_waits(
    client: httpx.AsyncClient, admin: Headers, internal: httpx.AsyncClient
) -> None:
    before = await next_snapshot(internal, "")

    waiting = asyncio.create_task(next_snapshot(internal, before.version))
    key = await made(client, admin)
    with_key = await waiting
    waiting = asyncio.create_task(next_snapshot(internal, with_key.version))
    await client.delete(f"/api/governance/keys/{key['id']}", headers=admin)
    after = await waiting

    assert key["id"] in {entry.id for entry in with_key.keys.keys}
    assert after == before


async def test_changed_limits_reach_the_gateway_that_waits(
    client: httpx.AsyncClient, admin: Headers, internal: httpx.AsyncClient
) -> None:
    key = await made(client, admin)
    known = await with_key(internal, key["id"])
    path, limits = "/api/governance/keys", {"limits": {"requests_per_minute": 7}}

    waiting = asyncio.create_task(next_snapshot(internal, known.version))
    await client.patch(f"{path}/{key['id']}", headers=admin, json=limits)
    with_limits = await waiting
    waiting = asyncio.create_task(next_snapshot(internal, with_limits.version))
    await client.patch(f"/api/governance/projects/{key['project_id']}", headers=admin, json=limits)
    with_both = await waiting

    assert {entry.limits.requests_per_minute for entry in with_limits.keys.keys} == {None, 7}
    assert [(each.id, each.limits.requests_per_minute) for each in with_both.keys.projects] == [(key["project_id"], 7)]


async def with_key(internal: httpx.AsyncClient, key_id: str) -> Snapshot:
    snapshot = await next_snapshot(internal, "")
    while key_id not in {entry.id for entry in snapshot.keys.keys}:
        snapshot = await next_snapshot(internal, snapshot.version)
    return snapshot


async def test_gateway_that_knows_the_newest_is_told_so_in_the_end(internal: httpx.AsyncClient) -> None:
    known = (await next_snapshot(internal, "")).version

    answer = await internal.get("/snapshot", params={"known": known, "wait": 0})

    assert (answer.status_code, answer.content) == (304, b"")


@pytest.mark.parametrize("path", ["/", "/snapshot/x", "/api/governance/keys"])
async def test_internal_socket_serves_nothing_else(internal: httpx.AsyncClient, path: str) -> None:
    assert (await internal.get(path)).status_code == 404


async def test_compiling_the_same_again_wakes_nobody() -> None:
    hub = SnapshotHub(NoKeys(), NoRoutes())
    first = await hub.compile()

    waiting = asyncio.create_task(hub.newer_than(first.version, 0.05))
    await hub.compile()

    assert await waiting is None


async def test_closing_lets_everyone_go() -> None:
    hub = SnapshotHub(NoKeys(), NoRoutes())
    waiting = asyncio.create_task(hub.newer_than((await hub.compile()).version, 60))
    await asyncio.sleep(0)

    await hub.close()

    assert await waiting is None


CONFIG = """
model_list:
  - model_name: gpt
    litellm_params: {model: openai/gpt-4o, api_base: "http://127.0.0.1:9/v1", api_key: sk-secret}
general_settings: {master_key: sk-a-long-and-random-master-key-4711}
"""


async def test_edited_configuration_reaches_the_gateway_and_the_ledger(
    world: World, client: httpx.AsyncClient, admin: Headers, internal: httpx.AsyncClient
) -> None:
    before = await next_snapshot(internal, "")

    write(world.home.gateway_config, CONFIG)
    after = await next_snapshot(internal, before.version)

    assert "gpt" in {route.name for route in after.routes.routes}
    assert "master-key" in {key.id for key in after.keys.keys}
    (entry,) = await config_entries(client, admin)
    assert (entry["before"], entry["after"]) == ({"sha256": None}, {"sha256": after.routes.config_sha256})


async def test_configuration_edited_while_lumina_was_down_is_recorded_once(environment: Environment) -> None:
    recorded: list[Any] = []
    for content in (None, CONFIG, CONFIG, CONFIG + "# edited\n"):
        write(environment.home.gateway_config, content)
        world = build(environment)
        async with running(world):
            recorded = await recorded_changes(world)

    assert len(recorded) == 2
    assert recorded[0]["after"] == recorded[1]["before"]


async def config_entries(client: httpx.AsyncClient, admin: Headers) -> list[dict[str, Any]]:
    query = {"action": "gateway_config.changed"}
    return list((await client.get("/api/governance/ledger", headers=admin, params=query)).json()["items"])


async def recorded_changes(world: World) -> list[Any]:
    async with world.database.session() as session:
        query = select(LedgerEntry.body).where(LedgerEntry.action == "gateway_config.changed")
        return [msgspec.json.decode(body) for body in await session.scalars(query.order_by(LedgerEntry.number))]


def write(file: Path, content: str | None) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    if content is not None:
        file.write_text(content)
