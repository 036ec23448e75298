"""Every object of the telemetry process once, handed to those who need it."""

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

from aiohttp import web

from lumina_kit import logs
from lumina_telemetry.forwarding.forwarder import Forwarder, own_addresses
from lumina_telemetry.intake import routes as intake
from lumina_telemetry.intake.handing import Handing
from lumina_telemetry.intake.metrics import MetricsDecoder
from lumina_telemetry.journal.follower import Follower
from lumina_telemetry.measures import Measures
from lumina_telemetry.process.own_report import OwnReport
from lumina_telemetry.process.surroundings import Surroundings
from lumina_telemetry.store import status
from lumina_telemetry.store.pending import Pending
from lumina_telemetry.store.retention import Retention
from lumina_telemetry.store.store import Store
from lumina_telemetry.traces import routes as traces

_log = logs.get(__name__)


async def assembled(stack: AsyncExitStack, world: Surroundings) -> list[web.RouteDef]:
    """Start everything; gives what is answered. The stack ends it in the right order."""
    settings, measures = world.settings, Measures()
    store = Store(world.folder / "telemetry.duckdb", settings)
    stack.callback(store.close)
    pending = Pending(store, settings, measures)
    stack.push_async_callback(pending.close)
    decoder = MetricsDecoder(settings, measures)
    content = Handing(world.run_dir / "control.sock", measures)
    forwarder = Forwarder(world.environ, measures, settings.forward_bytes, partial(own_addresses, world.home))
    own = OwnReport(measures.registry, decoder, pending, partial(forwarder, "metrics"))
    follower = Follower(world.home.logs_dir / "lumina.log", world.folder / "journal.json", pending, settings, measures)
    for work in (content, forwarder, pending, Retention(store, settings), own, follower):
        _in_background(stack, work.run())
    return [
        *intake.routes(pending, measures, settings, content, decoder, forwarder),
        *traces.routes(store, settings),
        *status.routes(store, pending, settings, measures),
        *own.routes(),
    ]


def _in_background(stack: AsyncExitStack, work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.create_task(work)
    task.add_done_callback(_report_failure)

    async def end() -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    stack.push_async_callback(end)


def _report_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("a background task of telemetry has ended; restart it", exc_info=error)
