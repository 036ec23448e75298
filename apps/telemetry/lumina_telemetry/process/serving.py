"""The telemetry process put together: the store, what fills it, and what answers on `telemetry.sock`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from lumina_kit.clock import Clock, utc_now
from lumina_kit.home import Home
from lumina_kit.lifeline import Lifeline
from lumina_telemetry.process import answers
from lumina_telemetry.settings import TelemetrySettings
from lumina_telemetry.store.store import Store

SOCKET = "telemetry.sock"


@dataclass(frozen=True)
class Surroundings:
    """What the process needs of the world outside it. Tests hand in their own."""

    home: Home
    run_dir: Path
    settings: TelemetrySettings
    now: Clock = utc_now


@asynccontextmanager
async def open_telemetry(world: Surroundings) -> AsyncIterator[web.Application]:
    """Everything but the socket."""
    store = Store(world.home.path / "telemetry" / "telemetry.duckdb", world.settings)
    app = web.Application(middlewares=[answers.problems], client_max_size=world.settings.body_bytes)
    try:
        yield app
    finally:
        store.close()


async def serve(world: Surroundings, lifeline: Lifeline, stop: asyncio.Event) -> None:
    """Answer on the socket until `stop` is set."""
    async with open_telemetry(world) as app:
        runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        try:
            await web.UnixSite(runner, str(world.run_dir / SOCKET)).start()
            lifeline.ready()
            await stop.wait()
        finally:
            await runner.cleanup()
