"""Logs as they come in, sent to who follows them."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer

from apps.telemetry.tests.store_world import NOON, World, open_world
from lumina_telemetry.answering import answers
from lumina_telemetry.logs.routes import routes
from lumina_telemetry.logs.tail import LOOKED_AT, MOST_WATCHERS, WAITING, Tail
from lumina_telemetry.rows import Batch, LogRow

Client = TestClient[web.Request, web.Application]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path) as opened:
        yield opened


@pytest.fixture
def tail(world: World) -> Tail:
    tail = Tail()
    world.pending.listen(tail.stored)
    return tail


@pytest.fixture
async def client(world: World, tail: Tail) -> AsyncIterator[Client]:
    app = web.Application(middlewares=[answers.problems])
    app.add_routes(routes(world.store, world.settings, tail, heartbeat_seconds=0.2))
    async with TestClient(TestServer(app, handler_cancellation=True)) as client:
        yield client


def logs(*bodies: str, **fields: Any) -> Batch:
    return Batch(logs=[LogRow(time_ns=NOON, observed_ns=NOON, body=body, **fields) for body in bodies])


async def event(response: ClientResponse) -> tuple[str, Any]:
    """The next event's name and data; a comment has neither."""
    lines = (await response.content.readuntil(b"\n\n")).decode().splitlines()
    if lines[0].startswith(":"):
        return lines[0], None
    return lines[0].removeprefix("event: "), json.loads(lines[1].removeprefix("data: "))


async def next_of(response: ClientResponse, name: str) -> Any:
    while (found := await event(response))[0] != name:
        pass
    return found[1]


async def test_records_are_sent_as_they_are_stored_if_they_are_meant(world: World, client: Client) -> None:
    async with client.get("/logs/tail", params={"q": "wanted"}) as response:
        await event(response)
        await world.stored(logs("other"))
        await world.stored(logs("wanted 1", "wanted 2"))

        assert response.headers["content-type"] == "text/event-stream"
        assert (await next_of(response, "log"))["body"] == "wanted 1"
        assert (await next_of(response, "log"))["body"] == "wanted 2"


async def test_a_project_follows_its_own_records_alone(world: World, client: Client) -> None:
    async with client.get("/logs/tail", headers={answers.PROJECT_HEADER: "a"}) as response:
        await event(response)
        await world.stored(logs("theirs", project="b"))
        await world.stored(logs("ours", project="a"))

        assert (await next_of(response, "log"))["body"] == "ours"


async def test_a_quiet_time_is_told_by_comments(client: Client) -> None:
    async with client.get("/logs/tail") as response:
        assert (await event(response))[0] == ": follows"
        assert (await event(response))[0] == ": nothing new"


async def test_more_than_a_watcher_can_take_is_dropped_and_told(world: World, client: Client) -> None:
    async with client.get("/logs/tail") as response:
        await event(response)
        await world.stored(logs(*map(str, range(LOOKED_AT + 7))))

        dropped = await next_of(response, "dropped")

    assert dropped == {"count": LOOKED_AT + 7 - WAITING}


async def test_there_is_an_end_to_how_many_may_follow_and_who_leaves_makes_room(client: Client) -> None:
    open_ones = [await client.get("/logs/tail") for _ in range(MOST_WATCHERS)]

    async with client.get("/logs/tail") as refused:
        status, told = refused.status, await refused.json(content_type=None)
    open_ones[0].close()
    while (response := await client.get("/logs/tail")).status == 429:
        response.close()

    assert (status, told["code"]) == (429, "telemetry_too_many_tails")
    assert response.status == 200


async def test_what_follows_ends_when_telemetry_ends(tail: Tail, client: Client) -> None:
    async with client.get("/logs/tail") as response:
        await event(response)

        tail.close()

        rest = await response.read()
    assert b"event:" not in rest
