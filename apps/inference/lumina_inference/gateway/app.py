"""The gateway put together: every object once, handed to those who need it."""

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import ClientSession, UnixConnector

from lumina_contracts import attributes as names
from lumina_inference.gateway import otlpmetrics, views
from lumina_inference.gateway.accesslog import AccessLog
from lumina_inference.gateway.admission import Admission
from lumina_inference.gateway.backends import Backends
from lumina_inference.gateway.bodies import Bodies
from lumina_inference.gateway.capturing import Capturing
from lumina_inference.gateway.choice import Chooser, Draw
from lumina_inference.gateway.destination import Destination
from lumina_inference.gateway.dispatch import Dispatch
from lumina_inference.gateway.endpoints import table
from lumina_inference.gateway.failover import Failover
from lumina_inference.gateway.health import Health
from lumina_inference.gateway.inference import Inference
from lumina_inference.gateway.keyadmin import KeyAdmin
from lumina_inference.gateway.limits import ConfiguredStore, Limiter
from lumina_inference.gateway.metrics import Metrics
from lumina_inference.gateway.models import Models
from lumina_inference.gateway.observing import Observing, Watched
from lumina_inference.gateway.otlp import Sender, SpanQueue
from lumina_inference.gateway.parts import Waker
from lumina_inference.gateway.probes import Probe, Prober
from lumina_inference.gateway.protocol import Server
from lumina_inference.gateway.pursuit import Means
from lumina_inference.gateway.recorder import Recorder
from lumina_inference.gateway.settings import GatewaySettings
from lumina_inference.gateway.siblings import Siblings, socket_of, telling
from lumina_inference.gateway.snapshots import Snapshots
from lumina_inference.gateway.standings import Standings
from lumina_inference.gateway.upstream import Upstream
from lumina_inference.gateway.vault import Vault
from lumina_kit import logs
from lumina_kit.clock import Clock, utc_now
from lumina_kit.home import Home
from lumina_kit.masterkey import MasterKey

_log = logs.get(__name__)


@dataclass(frozen=True)
class Surroundings:
    """What the gateway needs of the world outside it. Tests hand in their own.

    `siblings` are the other processes on the same public socket.
    """

    home: Home
    run_dir: Path
    key: MasterKey
    start_part: Callable[[str], Awaitable[None]]
    settings: GatewaySettings = field(default_factory=GatewaySettings)
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    now: Clock = utc_now
    draw: Draw = random.random
    access_log: AccessLog | None = None
    instance: str = "gateway"
    siblings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Gateway:
    """A running gateway: a server to put on a socket, and its state."""

    server: Server
    health: Health
    snapshots: Snapshots
    inference: Inference
    standings: Standings


@asynccontextmanager
async def open_gateway(world: Surroundings) -> AsyncIterator[Gateway]:
    """Everything but the listening socket; leaving it ends the tasks and exports what is queued."""
    async with AsyncExitStack() as stack:
        metrics = Metrics()
        vault = Vault(world.home, world.key, world.instance)
        stack.push_async_callback(vault.settle)
        snapshots = Snapshots(vault)
        await snapshots.restore()
        waker = Waker(world.start_part, world.settings.part_start_timeout_seconds)
        upstream = await stack.enter_async_context(Upstream(world.settings, world.run_dir, waker.wake))
        standings = Standings(asyncio.get_running_loop().time)
        backends = Backends(world.settings, upstream, standings)
        failover = Failover(Means(world.settings, backends, Chooser(standings, world.draw), world.draw))
        store = ConfiguredStore(world.home.gateway_dir, lambda: _redis_url(snapshots), world.now)
        limiter = await stack.enter_async_context(Limiter(store, world.now))
        admission = Admission(limiter, world.settings)
        control = world.run_dir / "control.sock"
        capturing = await stack.enter_async_context(Capturing(control, world.settings, metrics))
        inference = Inference(world.settings, Bodies(world.settings), failover, admission, world.now, capturing.begin)
        probe = await stack.enter_async_context(Probe(world.settings.probe_timeout_seconds))
        health = Health(snapshots, world.home.admin_key_file, world.now)
        spans = await _start_export(stack, world, metrics)
        observing = Observing(
            instance=world.instance,
            siblings=Siblings(world.run_dir, world.siblings),
            snapshots=snapshots,
            metrics=metrics,
            watched=Watched(
                in_flight=lambda: inference.in_flight,
                connections=lambda: len(server.connections),
                backends=lambda: views.backends(standings, standings.now(), world.now().timestamp()),
                spend=lambda: views.spend(snapshots.current, limiter.spent, world.now().timestamp()),
            ),
            now=world.now,
        )
        keys = KeyAdmin(control, inference.bodies, snapshots, limiter.reported, world.now)
        routes = table(inference, Models(world.now), await stack.enter_async_context(keys), health, observing)
        recorder = Recorder(metrics, standings, spans.add if spans else None, world.access_log, capturing.keep)
        server = Server(Dispatch(routes, snapshots, recorder), world.settings)
        gateway = Gateway(server, health, snapshots, inference, standings)
        _show_gauges(metrics, gateway, limiter)
        metrics.watch(names.SPAN_QUEUE_AGE, lambda: spans.age_seconds if spans else 0.0)
        snapshots.watch(standings.follow)
        _in_background(stack, Prober(standings, probe, world.settings).run())
        _in_background(stack, snapshots.follow(control))
        _in_background(stack, capturing.run())
        await stack.enter_async_context(telling(socket_of(world.run_dir, world.instance), observing.tells()))
        if world.access_log is not None:
            stack.callback(world.access_log.close)
        yield gateway


def _show_gauges(metrics: Metrics, gateway: Gateway, limiter: Limiter) -> None:
    metrics.watch_each(names.BACKEND_AVAILABLE, gateway.standings.available)
    metrics.watch_each(names.BUDGET_USED, lambda: views.budgets(gateway.snapshots.current, limiter.spent))
    metrics.watch(names.IN_FLIGHT, lambda: gateway.inference.in_flight)
    metrics.watch(names.CONNECTIONS, lambda: len(gateway.server.connections))
    metrics.watch(names.RESERVATIONS, lambda: limiter.open_reservations)
    metrics.watch(names.TASKS, lambda: len(asyncio.all_tasks()))
    metrics.watch(names.SNAPSHOT_AGE, lambda: time.monotonic() - gateway.snapshots.confirmed_at)


def _redis_url(snapshots: Snapshots) -> str | None:
    return snapshots.current.snapshot.routes.redis_url if snapshots.current is not None else None


async def _start_export(stack: AsyncExitStack, world: Surroundings, metrics: Metrics) -> SpanQueue | None:
    destination = Destination.from_environment(world.environ)
    if destination.traces is None and destination.metrics is None:
        return None
    connector = UnixConnector(str(destination.socket)) if destination.socket else None
    sender = Sender(await stack.enter_async_context(ClientSession(connector=connector)), destination)
    if destination.metrics is not None:
        seconds = world.settings.metrics_export_seconds
        _in_background(stack, otlpmetrics.export(metrics, sender, destination, seconds))
    if destination.traces is None:
        return None
    queue = SpanQueue(sender, destination, world.settings, metrics)
    stack.push_async_callback(queue.close)
    _in_background(stack, queue.run())
    return queue


def _in_background(stack: AsyncExitStack, work: Awaitable[None]) -> None:
    task = asyncio.ensure_future(work)
    task.add_done_callback(_report_failure)

    async def end() -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    stack.push_async_callback(end)


def _report_failure(task: asyncio.Future[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("a background task of the gateway has ended; restart it", exc_info=error)
