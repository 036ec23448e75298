"""Every object of the telemetry process once, handed to those who need it."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

from aiohttp import web

from lumina_kit import logs
from lumina_kit.parts import PartsClient
from lumina_telemetry.forwarding.forwarder import Forwarder, own_addresses
from lumina_telemetry.intake import routes as intake
from lumina_telemetry.intake.handing import Handing
from lumina_telemetry.intake.metrics import MetricsDecoder
from lumina_telemetry.journal.follower import Follower
from lumina_telemetry.logs import routes as log_routes
from lumina_telemetry.logs.tail import Tail
from lumina_telemetry.measures import Measures
from lumina_telemetry.metrics import routes as metrics
from lumina_telemetry.process.own_report import OwnReport
from lumina_telemetry.process.surroundings import Surroundings
from lumina_telemetry.process.watching import open_watching
from lumina_telemetry.promql import Engine
from lumina_telemetry.resources import Resources
from lumina_telemetry.store import status
from lumina_telemetry.store.pending import Pending
from lumina_telemetry.store.retention import Retention
from lumina_telemetry.store.store import Store
from lumina_telemetry.traces import routes as traces

_log = logs.get(__name__)


async def assemble(stack: AsyncExitStack, world: Surroundings, app: web.Application) -> None:
    """Start everything, and let the app answer. The stack ends it in the right order."""
    settings, measures = world.settings, Measures()
    store = Store(world.folder / "telemetry.duckdb", settings)
    stack.callback(store.close)
    pending = Pending(store, settings, measures)
    stack.push_async_callback(pending.close)
    _show_gauges(measures, store, pending)
    status.tell_trouble(app, store)
    engine, tail = Engine(store, settings), Tail()
    app.on_shutdown.append(_closing(tail))
    pending.listen(tail.stored)
    watching = await stack.enter_async_context(
        open_watching(world.home, settings, store, pending, engine, measures.registry, world.now)
    )
    for work in (pending, Retention(store, settings), watching):
        _in_background(stack, work.run())
    answered = [
        *_sources(stack, world, pending, measures),
        *traces.routes(store, settings),
        *log_routes.routes(store, settings, tail),
        *metrics.routes(store, engine, settings),
        *watching.routes,
        *status.routes(store, pending, settings, measures),
    ]
    app.router.add_routes(answered)


def _sources(stack: AsyncExitStack, world: Surroundings, pending: Pending, measures: Measures) -> list[web.RouteDef]:
    """What fills the store: senders, Lumina's own log, what telemetry counts, what the machine uses."""
    settings = world.settings
    decoder = MetricsDecoder(settings)
    content = Handing(world.run_dir / "control.sock", measures)
    forwarder = Forwarder(world.environ, measures, settings.forward_bytes, partial(own_addresses, world.home))
    pending.listen(forwarder.own_logs)
    own = OwnReport(measures, decoder, pending, partial(forwarder, "metrics"))
    journal = world.home.logs_dir / "lumina.log"
    follower = Follower(journal, world.folder / "journal.json", pending, settings, measures)
    resources = Resources(world.home.path, PartsClient(world.run_dir).status, measures.registry)
    for work in (content, forwarder, own, follower, resources):
        _in_background(stack, work.run())
    return [*intake.routes(pending, measures, settings, content, decoder, forwarder), *own.routes()]


def _show_gauges(measures: Measures, store: Store, pending: Pending) -> None:
    measures.watch("queue_rows", "Rows that are not on disk yet.", lambda: pending.rows)
    measures.watch("queue_age_seconds", "How long the oldest of them has waited.", lambda: pending.age)
    measures.watch("disk_free_bytes", "Bytes free on the disk of the store.", store.disk.free)
    measures.watch("storing", "1 while rows are stored, 0 while the disk takes none.", lambda: not store.trouble)


def _closing(tail: Tail) -> Callable[[web.Application], Awaitable[None]]:
    async def close(_app: web.Application) -> None:
        tail.close()

    return close


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
