"""What is old or too much goes, and the file does not grow without end."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from apps.telemetry.tests.store_world import NOON, SECOND, World, open_world, span
from lumina_telemetry.rows import Batch, NumberRow, ResourceRow, SeriesRow, SpanRow
from lumina_telemetry.store import files
from lumina_telemetry.store.retention import DAY, Retention
from lumina_telemetry.store.status import Status

ROUND = 20_000


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path, retention_days=2) as opened:
        yield opened


def spans(since: int) -> list[SpanRow]:
    return [span(number, attributes=f'{{"x":"{hash(number):064x}"}}') for number in range(since, since + ROUND)]


async def test_rows_older_than_the_days_go_even_when_they_came_in_late(world: World) -> None:
    await world.stored(Batch(spans=[span(1, start_ns=NOON), span(2, start_ns=NOON - 3 * DAY)]))

    deleted = await Retention(world.store, world.settings).sweep(NOON + SECOND)

    assert deleted == 1
    assert await world.rows("SELECT span_id FROM spans") == [(1,)]


async def test_the_file_stays_within_its_bytes_and_the_newest_rows_stay(tmp_path: Path) -> None:
    allowed = 6 * 2**20
    async with open_world(tmp_path, retention_bytes=allowed, retention_days=10_000) as world:
        retention = Retention(world.store, world.settings)
        sizes = []

        for number in range(14):
            await world.stored(Batch(spans=spans(number * ROUND)))
            await world.store.checkpoint()
            await retention.sweep(NOON)
            sizes.append(files.size_of(world.file))

        ((oldest, newest, count),) = await world.rows("SELECT min(span_id), max(span_id), count(*) FROM spans")
        assert newest == 14 * ROUND - 1
        assert oldest > 0
        assert count > ROUND
        assert max(sizes) < 3 * allowed
        assert await retention.used() <= allowed


async def test_series_and_senders_without_rows_are_forgotten_and_come_again(world: World) -> None:
    series = SeriesRow(id=1, name="s", otel_name="s", kind="gauge", unit="", description="", labels="{}")
    batch = Batch(
        spans=[span(1, resource=3)],
        resources=[ResourceRow(id=3, attributes="{}")],
        series=[series],
        numbers=[NumberRow(series=1, time_ns=NOON, value=1)],
    )
    retention = Retention(world.store, world.settings)
    await world.stored(batch)
    assert await retention.tidy() == 0

    await retention.sweep(NOON + 9 * DAY)

    assert await retention.tidy() == 2
    await world.stored(Batch(series=[series], numbers=[NumberRow(series=1, time_ns=NOON, value=1)]))
    assert await world.rows("SELECT id FROM series") == [(1,)]


async def test_a_point_that_comes_while_its_series_is_forgotten_has_its_series(world: World) -> None:
    series = SeriesRow(id=1, name="s", otel_name="s", kind="gauge", unit="", description="", labels="{}")
    retention = Retention(world.store, world.settings)
    for number in range(8):
        point = Batch(series=[series], numbers=[NumberRow(series=1, time_ns=NOON + number, value=1)])

        both = [world.stored(point), retention.tidy()]
        await asyncio.gather(*(both if number % 2 else reversed(both)))

        assert await world.rows("SELECT id FROM series") == [(1,)]
        await retention.sweep(NOON + 9 * DAY)


async def test_the_status_tells_rows_queue_and_drops(world: World) -> None:
    await world.stored(Batch(spans=[span(1), span(1)]))
    world.pending.offer(Batch(spans=[span(2)]))

    status = await Status(world.store, world.pending, world.settings, world.measures).told()

    assert (status.state, status.queue_rows, status.file_bytes > 0) == ("storing", 1, True)
    assert [(drop.reason, drop.count) for drop in status.dropped] == [("duplicate", 1)]
    assert [(table.rows, table.oldest) for table in status.tables if table.name == "spans"] == [
        (1, "2026-05-28T20:26:41.000000000Z")
    ]
