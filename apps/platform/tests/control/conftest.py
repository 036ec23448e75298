"""The control plane in this process: built, migrated and started as its process does it, without sockets."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from apps.platform.tests.control.telemetry_server import TelemetryServer, telemetry_server
from lumina_kit.home import Home
from lumina_platform.control.app import create_app
from lumina_platform.control.building import build
from lumina_platform.control.environment import Environment
from lumina_platform.control.running import running
from lumina_platform.control.world import World

URL = "http://lumina.test"


def environment_of(home: Path) -> Environment:
    return Environment(
        home=Home(home),
        listen_fd=None,
        run_dir=None,
        public_url=URL,
        gateway_url="http://gateway.test",
        gateway_config=None,
        tls_cert=None,
        tls_key=None,
        log_level="info",
        log_format="json",
    )


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Environment:
    """An empty home, and a master key beside it."""
    monkeypatch.setenv("LUMINA_KEY_FILE", str(tmp_path / "master.key"))
    return environment_of(tmp_path / "home")


@pytest.fixture
async def world(environment: Environment) -> AsyncIterator[World]:
    """A control plane at work."""
    world = build(environment)
    async with running(world):
        yield world


@pytest.fixture
def app(world: World) -> FastAPI:
    return create_app(world)


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A caller without a credential."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=URL) as client:
        yield client


@pytest.fixture
def admin(world: World) -> dict[str, str]:
    """The headers of the admin key."""
    return bearer(world.home.admin_key_file.read_text().strip())


@pytest.fixture
async def telemetry(world: World) -> AsyncIterator[TelemetryServer]:
    """What answers on the telemetry process's socket, without control's own reports."""
    async with telemetry_server(world.home.run_dir, reports=False) as server:
        yield server


def bearer(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}
