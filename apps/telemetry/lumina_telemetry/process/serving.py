"""The telemetry process: what it is made of, on the socket `telemetry.sock` until told to stop."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from aiohttp import web

from lumina_kit.lifeline import Lifeline
from lumina_telemetry.answering import answers
from lumina_telemetry.process import assembly
from lumina_telemetry.process.surroundings import Surroundings

SOCKET = "telemetry.sock"
HEAD_BYTES = 64 * 1024
LAST_SECONDS = 1.0


@asynccontextmanager
async def open_telemetry(world: Surroundings) -> AsyncIterator[web.Application]:
    """Everything but the socket; leaving it stores what waits."""
    app = web.Application(middlewares=[answers.problems], client_max_size=world.settings.body_bytes)
    async with AsyncExitStack() as stack:
        await assembly.assemble(stack, world, app)
        yield app


async def serve(world: Surroundings, lifeline: Lifeline, stop: asyncio.Event) -> None:
    """Answer on the socket until `stop` is set."""
    async with open_telemetry(world) as app:
        runner = web.AppRunner(
            app, handler_cancellation=True, access_log=None, shutdown_timeout=LAST_SECONDS, max_line_size=HEAD_BYTES
        )
        await runner.setup()
        try:
            await web.UnixSite(runner, str(world.run_dir / SOCKET)).start()
            lifeline.ready()
            await stop.wait()
        finally:
            await runner.cleanup()
