"""A control plane that captures, and those who send to it and read from it."""

from collections.abc import AsyncIterator

import httpx
import pytest

from apps.platform.tests.control.content_world import ON, PROJECTS, Clock, Headers, granted
from lumina_platform.control.building import build
from lumina_platform.control.contentdesk import ContentDesk
from lumina_platform.control.environment import Environment
from lumina_platform.control.keydesk import KeyDesk
from lumina_platform.control.running import running
from lumina_platform.control.world import World
from lumina_platform.internal import InternalApp
from tools.testing.databases import new_postgres


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
