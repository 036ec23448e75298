"""What is offered is stored, once, within bounds."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from apps.telemetry.tests.store_world import World, open_world, span
from lumina_telemetry.errors import IntakeFull
from lumina_telemetry.rows import Batch, HistogramRow, LogRow, NumberRow, ResourceRow, SeriesRow


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path) as opened:
        yield opened


async def test_every_kind_of_row_is_stored_as_it_came(world: World) -> None:
    series = SeriesRow(
        id=2**64 - 1, name="s", otel_name="s", kind="histogram", unit="s", description="", labels="{}", bounds=(0.5, 1)
    )
    batch = Batch(
        spans=[span(1, input_tokens=7), span(2, first_chunk_seconds=0.25, http_status=2**40)],
        logs=[LogRow(time_ns=5, observed_ns=6, body="said", trace_id="0" * 31 + "1")],
        resources=[ResourceRow(id=3, attributes="{}")],
        series=[series],
        numbers=[NumberRow(series=series.id, time_ns=1, value=float("nan"))],
        histograms=[HistogramRow(series=series.id, time_ns=1, count=3, sum=1.5, buckets=(1, 2, 0))],
    )

    await world.stored(batch)

    told = "span_id, input_tokens, output_tokens, first_chunk_seconds, http_status"
    assert await world.rows(f"SELECT {told} FROM spans") == [(1, 7, None, None, None), (2, None, None, 0.25, None)]
    assert await world.rows("SELECT body, trace_lo FROM logs") == [("said", 1)]
    assert await world.rows("SELECT id, bounds FROM series") == [(series.id, [0.5, 1.0])]
    assert await world.rows("SELECT buckets, sum FROM histograms") == [([1, 2, 0], 1.5)]
    assert await world.rows("SELECT isnan(value) FROM numbers") == [(True,)]


async def test_resources_and_series_are_written_once_even_by_another_process_life(world: World) -> None:
    resource = ResourceRow(id=3, attributes="{}")

    await world.stored(Batch(resources=[resource, resource]))
    await world.reopen()
    await world.stored(Batch(resources=[resource]))

    assert await world.rows("SELECT count(*) FROM resources") == [(1,)]


async def test_a_retried_export_is_stored_once_and_counted(world: World) -> None:
    await world.stored(Batch(spans=[span(1), span(2)]))
    await world.stored(Batch(spans=[span(1), span(2, duration_ns=9)]))

    assert await world.rows("SELECT count(*) FROM spans") == [(3,)]
    assert world.count("dropped", signal="spans", reason="duplicate") == 1


async def test_a_full_queue_refuses_all_of_a_batch_and_takes_more_after_a_flush(tmp_path: Path) -> None:
    async with open_world(tmp_path, queue_rows=3) as world:
        world.pending.offer(Batch(spans=[span(1), span(2)]))

        with pytest.raises(IntakeFull):
            world.pending.offer(Batch(spans=[span(3), span(4)]))

        await world.pending.flush()
        world.pending.offer(Batch(spans=[span(3), span(4)]))
        assert world.pending.rows == 2


async def test_a_queue_is_bounded_in_bytes_too(tmp_path: Path) -> None:
    async with open_world(tmp_path, queue_bytes=5_000) as world:
        world.pending.offer(Batch(spans=[span(1, attributes="x" * 4_000)]))

        with pytest.raises(IntakeFull):
            world.pending.offer(Batch(spans=[span(2, attributes="x" * 4_000)]))


async def test_listeners_hear_of_what_was_stored(world: World) -> None:
    heard: list[Batch] = []
    world.pending.listen(heard.append)

    await world.stored(Batch(spans=[span(1)]))

    assert [row.span_id for batch in heard for row in batch.spans] == [f"{1:016x}"]


async def test_a_batch_that_the_database_refuses_is_counted_and_the_next_one_is_stored(world: World) -> None:
    await world.stored(Batch(spans=[span(1, name="\ud800")]))
    await world.stored(Batch(spans=[span(2)]))

    assert await world.rows("SELECT span_id FROM spans") == [(2,)]
    assert world.count("dropped", signal="spans", reason="failed") == 1


async def test_series_of_one_project_leave_room_for_others_and_for_lumina(world: World) -> None:
    def row(number: int, project: str | None, name: str = "s") -> SeriesRow:
        about: dict[str, Any] = {"otel_name": name, "kind": "gauge", "unit": "", "description": "", "labels": "{}"}
        return SeriesRow(id=number, name=name, project=project, **about)

    async def stored(rows: list[SeriesRow]) -> int:
        points = [NumberRow(series=each.id, time_ns=1, value=1.0) for each in rows]
        before = await world.rows("SELECT count(*) FROM numbers")
        await world.stored(Batch(series=rows, numbers=points))
        return int((await world.rows("SELECT count(*) FROM numbers"))[0][0]) - int(before[0][0])

    noisy = [await stored([row(first + n, "p1") for n in range(25_000)]) for first in (0, 25_000, 50_000)]
    world.store.changed()  # what is known is read anew
    others = [await stored([row(100_000, "p2")]), await stored([row(100_001, None), row(100_002, "p1", "lumina_x")])]

    assert (noisy, others) == ([25_000, 25_000, 0], [1, 2])
    assert world.count("dropped", signal="points", reason="too_many_series") == 25_000
