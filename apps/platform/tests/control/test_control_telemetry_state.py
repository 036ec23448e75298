"""What `/readyz` and the status say of a telemetry process that runs: whether it stores, and whether it answers."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest
from aiohttp import web

from apps.platform.tests.control.conftest import URL
from apps.platform.tests.control.telemetry_server import TelemetryServer
from lumina_kit.parts import SOCKET_NAME
from lumina_platform.control.app import create_app
from lumina_platform.control.readiness import Readiness
from lumina_platform.control.world import World
from lumina_telemetry.client import TelemetryClient

Headers = dict[str, str]
PART = {"pid": 1, "restarts": 0, "since": "2026-11-20T12:00:00+00:00", "pss_bytes": None}


@pytest.fixture
async def supervised(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """Control under a supervisor, for which the telemetry process runs, as long as it does."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        parts = [PART | {"name": name, "state": "ready"} for name in ("control", "telemetry")]
        writer.write(json.dumps({"ok": True, "parts": parts}).encode() + b"\n")
        writer.close()

    await asyncio.to_thread(world.home.run_dir.mkdir, parents=True, exist_ok=True)
    server = await asyncio.start_unix_server(answer, world.home.run_dir / SOCKET_NAME)
    readiness = Readiness(world.database, world.parts, world.telemetry_state)
    readiness.ready.set()
    app = create_app(replace(world, readiness=readiness))
    async with server, httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=URL) as client:
        yield client


async def seen(client: httpx.AsyncClient, admin: Headers) -> tuple[int, str, str, str]:
    ready = await client.get("/readyz")
    status = (await client.get("/api/platform/status", headers=admin)).json()
    (shown,) = [part["state"] for part in status["parts"] if part["name"] == "telemetry"]
    return ready.status_code, ready.json()["status"], ready.json()["parts"]["telemetry"], shown


async def test_telemetry_that_stores_is_ready(
    supervised: httpx.AsyncClient, admin: Headers, telemetry: TelemetryServer
) -> None:
    telemetry.answer("/storing", {"storing": True})

    assert await seen(supervised, admin) == (200, "ready", "ready", "ready")


async def test_telemetry_that_does_not_store_is_told_while_serving_goes_on(
    supervised: httpx.AsyncClient, admin: Headers, telemetry: TelemetryServer
) -> None:
    telemetry.answer("/storing", {"storing": False})

    assert await seen(supervised, admin) == (200, "degraded", "not storing", "not storing")


async def test_telemetry_that_hangs_is_told(
    supervised: httpx.AsyncClient, admin: Headers, telemetry: TelemetryServer
) -> None:
    end = asyncio.Event()

    async def hangs(_answer: web.StreamResponse) -> None:
        await end.wait()

    telemetry.follows = hangs
    found = await seen(supervised, admin)
    end.set()

    assert found == (200, "degraded", "not answering", "not answering")


async def test_who_asks_often_does_not_keep_telemetry_busy(
    supervised: httpx.AsyncClient, admin: Headers, world: World, telemetry: TelemetryServer
) -> None:
    world.telemetry_state.kept_seconds = 3600
    telemetry.answer("/storing", {"storing": True})

    await asyncio.gather(*(supervised.get("/readyz") for _ in range(20)))

    assert [asked.path for asked in telemetry.asked] == ["/storing"]


async def test_where_telemetry_is_off_nobody_waits_for_it_to_come(admin: Headers, world: World) -> None:
    client_of_none = TelemetryClient(world.home.run_dir, enabled=False)
    off = replace(world, telemetry=replace(world.telemetry, client=client_of_none))

    async with httpx.AsyncClient(transport=httpx.ASGITransport(create_app(off)), base_url=URL) as client:
        answer = await client.get("/api/telemetry/traces", headers=admin)

    told = answer.json()
    assert (answer.status_code, told["code"]) == (503, "telemetry_unavailable")
    assert "by itself" not in told["next_step"]
    assert "LUMINA_TELEMETRY_ENABLED" in told["next_step"]
