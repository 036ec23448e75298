"""Starts the control plane's work behind its routes, and ends it."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from lumina_contracts.events import (
    Event,
    GatewayConfigChanged,
    KeyChanged,
    KeyCreated,
    KeyRevoked,
    PersonChanged,
    ProjectChanged,
    ProjectCreated,
)
from lumina_governance.founding import found
from lumina_kit import ledger, logs
from lumina_kit.clock import pause
from lumina_kit.outbox import Consumer, Dispatcher
from lumina_platform.control.gateway_config import follow, record_start
from lumina_platform.control.reporting import report
from lumina_platform.control.snapshots import SnapshotHub
from lumina_platform.control.world import World
from lumina_platform.migrations import CONTENT
from lumina_platform.schema import migrate

HOUR_SECONDS = 3600.0
log = logs.get(__name__)


@asynccontextmanager
async def running(world: World) -> AsyncIterator[None]:
    """Migrate, make sure of the admin key, compile the first snapshot; then keep events and snapshot going."""
    try:
        await migrate(world.database)
        await migrate(world.contents.database, CONTENT)
        await found(world.database, world.home.admin_key_file, world.now)
        await record_start(world.inference, world.database, world.now)
        await world.hub.compile()
        async with asyncio.TaskGroup() as tasks:
            stop = asyncio.Event()
            for job in _jobs(world, stop):
                tasks.create_task(job)
            endless = [tasks.create_task(job) for job in _endless(world)]
            world.readiness.ready.set()
            try:
                yield
            finally:
                for task in endless:
                    task.cancel()
                stop.set()
                await world.hub.close()
    finally:
        await world.telemetry.client.close()
        await world.contents.database.close()
        await world.database.close()


def consumers(hub: SnapshotHub) -> list[Consumer[Any]]:
    """Who is told of which event: so far the snapshot, of what it is compiled from."""

    async def poke(_session: AsyncSession, _event: Event) -> None:
        hub.poke()

    of_keys = (KeyCreated, KeyChanged, KeyRevoked, PersonChanged, ProjectCreated, ProjectChanged)
    return [Consumer("snapshot", event, poke) for event in (*of_keys, GatewayConfigChanged)]


def _jobs(world: World, stop: asyncio.Event) -> list[Coroutine[Any, Any, None]]:
    dispatcher = Dispatcher(world.database, consumers(world.hub), world.now)
    return [dispatcher.run(stop), world.hub.run(), _hourly(world, dispatcher, stop)]


def _endless(world: World) -> list[Coroutine[Any, Any, None]]:
    """Work that may be cut short at any moment."""
    return [follow(world.inference, world.database, world.now), report(world)]


async def _hourly(world: World, dispatcher: Dispatcher, stop: asyncio.Event) -> None:
    """Show the ledger's head, forget old events and old content: now and every hour."""
    while not stop.is_set():
        try:
            await show_head(world)
            await dispatcher.prune()
            await world.contents.prune()
        except (SQLAlchemyError, OSError) as error:  # next hour is another try
            log.error("hourly work failed", error=repr(error))
        await pause(HOUR_SECONDS, stop)


async def show_head(world: World) -> None:
    """The ledger's newest hash, to the log and the metrics: compared with the ledger later, it shows a cut tail."""
    async with world.database.session() as session:
        head = await ledger.head(session)
    world.metrics.saw_head(head)
    log.info("ledger head", number=head.number, hash=head.hash)
