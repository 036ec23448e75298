"""A process that stores spans: killed at any moment by one test, given too small a disk by another.

It prints the number of the last span that is on disk, a line a flush.
"""

import asyncio
import resource
import sys
from pathlib import Path

from apps.telemetry.tests.store_world import World, open_world, span
from lumina_telemetry.errors import DiskFull
from lumina_telemetry.rows import Batch

SPANS = 500


def batch(since: int) -> Batch:
    return Batch(
        spans=[span(number, attributes=f'{{"x":"{hash(str(number)):064x}"}}') for number in range(since, since + SPANS)]
    )


def tell(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


async def ingest(folder: Path) -> None:
    """Store without end."""
    async with open_world(folder) as world:
        ((since,),) = await world.rows("SELECT coalesce(max(span_id), 0) + 1 FROM spans")
        while True:
            await world.stored(batch(since))
            since += SPANS
            tell(since - 1)
            if since // SPANS % 5 == 0:
                await world.store.checkpoint()


async def fill(folder: Path) -> None:
    """Store until the disk is full, then with room again, and tell how many spans were stored in each state."""
    async with open_world(folder) as world:
        await world.stored(batch(1))
        resource.setrlimit(resource.RLIMIT_FSIZE, (2 * 2**20, resource.RLIM_INFINITY))
        refused_at = await _fill(world)
        tell("full" if world.store.trouble else "room", refused_at)
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        tell("flushed", await world.pending.flush(), "trouble", world.store.trouble)
        await world.stored(batch(refused_at))
        tell("stored", (await world.rows("SELECT count(*), count(DISTINCT span_id) FROM spans"))[0])


async def _fill(world: World) -> int:
    since = SPANS + 1
    while True:
        try:
            await world.stored(batch(since))
        except DiskFull:
            return since
        since += SPANS


if __name__ == "__main__":
    asyncio.run({"ingest": ingest, "fill": fill}[sys.argv[1]](Path(sys.argv[2])))
