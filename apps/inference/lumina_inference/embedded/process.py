"""From an open model to a socket that answers, and back to nothing when it has been idle for long enough."""

import asyncio
import contextlib
from pathlib import Path

from aiohttp import web

from lumina_inference.embedded.encoder import Encoder
from lumina_inference.embedded.files import ModelFolder
from lumina_inference.embedded.minilm import MiniLM
from lumina_inference.embedded.server import Models
from lumina_inference.embedded.work import Worker
from lumina_inference.settings import InferenceSettings
from lumina_kit import logs
from lumina_kit.lifeline import Lifeline

LAST_SECONDS = 1.0
log = logs.get(__name__)


async def serve(
    settings: InferenceSettings, models: Path, socket: Path, lifeline: Lifeline, stop: asyncio.Event
) -> None:
    """Answer on the socket until `stop` is set or nobody has asked for `embedded_idle_seconds`."""
    worker = Worker(settings.embedded_queue)
    minilm = await worker.run(MiniLM, ModelFolder.below(models), settings.embedded_threads)
    handlers = Models(Encoder(minilm, worker))
    runner = web.AppRunner(handlers.app(settings.embedded_body_bytes), handler_cancellation=True, access_log=None,
                           shutdown_timeout=LAST_SECONDS)  # fmt: skip
    await runner.setup()
    await web.UnixSite(runner, str(socket)).start()  # replaces what an earlier process left behind
    lifeline.ready()
    log.info("embedded models are ready", socket=str(socket))
    await _until_idle(handlers, settings.embedded_idle_seconds, stop)
    lifeline.leaving()
    await runner.cleanup()
    worker.close()


async def _until_idle(handlers: Models, idle_seconds: float, stop: asyncio.Event) -> None:
    while not stop.is_set() and (left := idle_seconds - handlers.idle_seconds) > 0:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), timeout=left)
    log.info("leaving", why="asked to stop" if stop.is_set() else f"no request for {idle_seconds:g} s")
