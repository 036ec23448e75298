"""Control's own numbers on their way to the telemetry process."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress

from sqlalchemy.exc import SQLAlchemyError

from lumina_kit import logs, outbox
from lumina_platform.control.metrics import Gathered
from lumina_platform.control.world import World
from lumina_telemetry import reporting
from lumina_telemetry.errors import TelemetryUnavailable

SERVICE, INSTANCE = "lumina-control", "control"
PATH = "/v1/metrics"
SECONDS = 10.0
_PROTOBUF = {"content-type": "application/x-protobuf"}
log = logs.get(__name__)


async def gather(world: World) -> Gathered:
    """What is not counted as it happens."""
    async with world.database.session() as session:
        dead_letters, oldest = await outbox.dead_letters(session), await outbox.oldest(session)
    snapshot = world.hub.current
    return Gathered(
        dead_letters=dead_letters,
        outbox_oldest_seconds=max(0.0, (world.now() - oldest).total_seconds()) if oldest else 0.0,
        snapshot_version=snapshot.version if snapshot else None,
        snapshot_keys=len(snapshot.keys.keys) if snapshot else 0,
    )


async def report(world: World, every_seconds: float = SECONDS) -> None:
    """Report for ever. Without the telemetry process nothing is lost but points: the counts go on."""
    started_ns = time.time_ns()
    while True:
        try:
            await _send(world, started_ns)
        except (SQLAlchemyError, OSError) as error:
            log.error("metrics not reported", error=repr(error))
        await asyncio.sleep(every_seconds)


async def _send(world: World, started_ns: int) -> None:
    world.metrics.show(await gather(world))
    told = reporting.encode(world.metrics.registry, SERVICE, INSTANCE, started_ns, time.time_ns())
    with suppress(TelemetryUnavailable):
        answer = await world.telemetry.client.send(PATH, _whole(told.SerializeToString()), _PROTOBUF)
        if answer.is_error:
            log.warning("telemetry refused control's metrics", status=answer.status_code)


async def _whole(body: bytes) -> AsyncIterator[bytes]:
    yield body
