"""From a loaded library to a socket that answers, and back to nothing when it has been idle for long enough."""

import asyncio
import contextlib
from pathlib import Path

from aiohttp import web

from lumina_inference.settings import InferenceSettings
from lumina_inference.translator import quiet
from lumina_inference.translator.corrections import correct
from lumina_inference.translator.server import Translator
from lumina_kit import logs
from lumina_kit.lifeline import Lifeline

LAST_SECONDS = 1.0
HEADER_BYTES = 4 * 1024 * 1024  # the backend comes in a header; a configuration has half a megabyte, unescaped
log = logs.get(__name__)


async def serve(
    settings: InferenceSettings, run_dir: Path, socket: str, lifeline: Lifeline, stop: asyncio.Event
) -> None:
    """Answer on the socket until `stop` is set or nobody has asked for `translator_idle_seconds`."""
    quiet.after_import(settings.translator_image_hosts)
    correct()
    translator = Translator(run_dir, settings)
    runner = web.AppRunner(
        translator.app(),
        handler_cancellation=True,
        access_log=None,
        shutdown_timeout=LAST_SECONDS,
        max_field_size=HEADER_BYTES,
    )
    await runner.setup()
    await web.UnixSite(runner, str(run_dir / socket)).start()  # replaces what an earlier process left behind
    lifeline.ready()
    log.info("translation is ready", socket=str(run_dir / socket))
    await _until_idle(translator, settings.translator_idle_seconds, stop)
    lifeline.leaving()
    await runner.cleanup()
    await translator.close()


async def _until_idle(translator: Translator, idle_seconds: float, stop: asyncio.Event) -> None:
    while not stop.is_set() and (left := idle_seconds - translator.idle_seconds) > 0:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), timeout=left)
    log.info("leaving", why="asked to stop" if stop.is_set() else f"no request for {idle_seconds:g} s")
