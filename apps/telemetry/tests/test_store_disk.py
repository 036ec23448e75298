"""What the disk does to the store: killed processes, no room, files that cannot be read."""

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from apps.telemetry.tests.store_world import open_world, span
from lumina_telemetry.errors import DiskFull, TelemetryUnavailable
from lumina_telemetry.rows import Batch
from lumina_telemetry.store.disk import Disk
from lumina_telemetry.store.status import STATE_HEADER, routes, tell_trouble

KILLS = 2
SPANS = 500


class SmallDisk(Disk):
    """A disk whose room the test sets."""

    room = 10**9

    def free(self) -> int:
        return self.room


def child(task: str, folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "apps.telemetry.tests.store_child", task, str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def put_aside(folder: Path) -> list[Path]:
    return list(folder.glob("telemetry.duckdb.aside-*"))


async def test_what_was_flushed_outlives_kill_9_again_and_again(tmp_path: Path) -> None:
    flushed = 0
    for round_number in range(KILLS):
        with child("ingest", tmp_path) as process:
            assert process.stdout is not None
            for _ in range(4 + 5 * round_number):
                flushed = int(process.stdout.readline())
            process.kill()

        async with open_world(tmp_path) as world:
            rows = await world.rows("SELECT count(*), count(DISTINCT span_id), max(span_id) FROM spans")

        ((count, distinct, last),) = rows
        assert last >= flushed
        assert count == distinct == last
    assert not put_aside(tmp_path)


def test_a_full_disk_stops_intake_and_all_goes_on_when_there_is_room(tmp_path: Path) -> None:
    with child("fill", tmp_path) as process:
        told, _ = process.communicate(timeout=60)

    full, flushed, stored = (line for line in told.splitlines() if line.startswith(("full", "flushed", "stored")))
    last = int(full.split()[1]) + SPANS - 1
    assert flushed == "flushed True trouble None"
    assert stored == f"stored ({last}, {last})"


async def test_too_little_room_stops_intake_and_more_room_starts_it(tmp_path: Path) -> None:
    disk = SmallDisk(tmp_path, free_bytes=1000)
    async with open_world(tmp_path, disk) as world:
        world.pending.offer(Batch(spans=[span(1)]))
        disk.room = 999

        assert not await world.pending.flush()
        with pytest.raises(DiskFull):
            world.pending.offer(Batch(spans=[span(2)]))

        disk.room = 10**9
        assert await world.pending.flush()
        world.pending.offer(Batch(spans=[span(2)]))
        assert await world.rows("SELECT span_id FROM spans") == [(1,)]


async def test_every_answer_tells_while_nothing_is_stored(tmp_path: Path) -> None:
    disk = SmallDisk(tmp_path, free_bytes=1000)
    async with open_world(tmp_path, disk) as world:
        app = web.Application()
        tell_trouble(app, world.store)
        app.add_routes(routes(world.store, world.pending, world.settings, world.measures))
        async with TestClient(TestServer(app)) as client:
            told = []
            for room in (10**9, 999):
                disk.room = room
                await world.pending.flush()
                answers = [await client.get(path) for path in ("/storing", "/status")]
                told.append((await answers[0].json(), [answer.headers.get(STATE_HEADER) for answer in answers]))

    assert told == [({"storing": True}, [None] * 2), ({"storing": False}, ["not storing"] * 2)]


@pytest.mark.parametrize("damage", ["garbage", "version", "foreign"])
async def test_a_file_that_cannot_be_read_is_put_aside_and_a_new_one_begun(tmp_path: Path, damage: str) -> None:
    file = tmp_path / "telemetry.duckdb"
    if damage == "garbage":
        file.write_bytes(b"no database" * 1000)
    else:
        await _spoil(tmp_path, file, damage)

    async with open_world(tmp_path) as world:
        await world.stored(Batch(spans=[span(1)]))
        assert await world.rows("SELECT span_id FROM spans") == [(1,)]

    assert len(put_aside(tmp_path)) == 1


async def test_a_damaged_file_is_put_aside_whatever_was_damaged(tmp_path: Path) -> None:
    async with open_world(tmp_path) as world:
        await world.stored(Batch(spans=[span(number) for number in range(1, 3000)]))
        await world.store.checkpoint()
    file = tmp_path / "telemetry.duckdb"
    content = bytearray(file.read_bytes())
    content[4096 * 3 : -4096] = bytes(len(content) - 4096 * 4)
    file.write_bytes(content)

    async with open_world(tmp_path) as world:
        await world.stored(Batch(spans=[span(5)]))
        assert (5,) in await world.rows("SELECT span_id FROM spans")


async def test_a_second_owner_of_the_file_is_refused(tmp_path: Path) -> None:
    with child("ingest", tmp_path) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            with pytest.raises(TelemetryUnavailable):
                async with open_world(tmp_path):
                    pass
        finally:
            process.kill()
    assert not put_aside(tmp_path)


async def _spoil(folder: Path, file: Path, damage: str) -> None:
    if damage == "version":
        async with open_world(folder) as world:
            await world.store.write(lambda connection: connection.execute("UPDATE about SET version = 99").fetchall())
        return
    with duckdb.connect(str(file)) as other:
        other.execute("CREATE TABLE spans (something INTEGER)").fetchall()
