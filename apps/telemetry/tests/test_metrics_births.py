"""A counter that begins with its first failures: they count."""

from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

from apps.telemetry.tests.metrics_world import (
    DELTA,
    NOW,
    OURS,
    SECOND,
    THEIRS,
    Clock,
    counter,
    histogram,
    request,
)
from apps.telemetry.tests.store_world import World, open_world
from lumina_telemetry.intake.metrics import MetricsDecoder
from lumina_telemetry.intake.sender import Sender
from lumina_telemetry.promql import Engine

LONG_AGO = -3600


def started(metric: Metric, seconds: int) -> Metric:
    """The same from a process that began so many seconds after NOW."""
    for point in (*metric.sum.data_points, *metric.histogram.data_points):
        point.start_time_unix_nano = NOW + seconds * SECOND
    return metric


class Reports:
    """What one telemetry process takes in."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.decoder = MetricsDecoder(world.settings, Clock(NOW + 600 * SECOND))

    async def take(self, *metrics: Metric, sender: Sender = OURS, since: int = LONG_AGO) -> None:
        sent = request(*(started(metric, since) for metric in metrics))
        await self.world.stored(self.decoder.decode(sent, sender).batch)

    async def increase(self, name: str, seconds: int = 60) -> float:
        """Over the last minute; extrapolated, as Prometheus has it."""
        engine = Engine(self.world.store, self.world.settings)
        found = await engine.instant(f'sum(increase({name}{{kind="failed"}}[1m]))', NOW + seconds * SECOND)
        return found[0].value if found else 0.0


def calls(seconds: int) -> Metric:
    return counter("calls", 100 + seconds, seconds, kind="fine")


def failures(value: float, seconds: int, **fields: Any) -> Metric:
    return counter("calls", value, seconds, kind="failed", **fields)


async def test_what_a_new_counter_comes_with_counts(tmp_path: Path) -> None:
    async with open_world(tmp_path) as world:
        reports = Reports(world)
        for seconds in range(0, 70, 10):
            born = [failures(30, seconds)] if seconds >= 30 else []
            await reports.take(calls(seconds), *born)

        points = await world.rows(
            "SELECT time_ns, value FROM numbers JOIN series ON id = series WHERE labels LIKE '%failed%' ORDER BY 1"
        )
        assert points[0] == (NOW + 20 * SECOND, 0.0)
        assert await reports.increase("calls_total") == pytest.approx(30, rel=0.2)


async def test_what_a_new_histogram_comes_with_counts(tmp_path: Path) -> None:
    async with open_world(tmp_path) as world:
        reports = Reports(world)
        for seconds in range(0, 70, 10):
            born = [histogram("wait", [0, 20, 10], seconds, kind="failed")] if seconds >= 30 else []
            await reports.take(calls(seconds), *born)

        assert await reports.increase("wait_seconds_count") == pytest.approx(30, rel=0.2)


async def test_the_first_counts_of_a_process_that_has_just_started_count(tmp_path: Path) -> None:
    async with open_world(tmp_path) as world:
        reports = Reports(world)
        for seconds in (15, 25, 35):
            await reports.take(failures(30, seconds), since=5)

        assert await reports.increase("calls_total", 40) == pytest.approx(30, rel=0.5)


async def test_what_a_process_has_counted_for_long_does_not_count_as_new(tmp_path: Path) -> None:
    async with open_world(tmp_path) as world:
        reports = Reports(world)
        for seconds in (10, 20, 30):
            await reports.take(failures(1000, seconds))

        assert await reports.increase("calls_total") == 0


@pytest.mark.parametrize("since", [LONG_AGO, 0])
async def test_a_restart_of_telemetry_counts_nothing_twice(tmp_path: Path, since: int) -> None:
    async with open_world(tmp_path) as world:
        for beginning in (10, 40):
            reports = Reports(world)  # a process that remembers nothing
            for seconds in (beginning, beginning + 10, beginning + 20):
                await reports.take(calls(seconds), since=since)
                await reports.take(failures(1000, seconds), since=since)

        zeros = await world.rows("SELECT count(*) FROM numbers WHERE value = 0")
        assert zeros == [(0 if since == LONG_AGO else 2,)]
        assert await Reports(world).increase("calls_total", 60) < 1500


async def test_a_report_in_two_parts_was_not_before_itself(tmp_path: Path) -> None:
    async with open_world(tmp_path) as world:
        reports = Reports(world)
        await reports.take(calls(10))
        await reports.take(failures(1000, 10))

        assert await world.rows("SELECT count(*) FROM numbers WHERE value = 0") == [(0,)]


async def test_outsiders_and_changes_get_no_zeros(tmp_path: Path) -> None:
    async with open_world(tmp_path) as world:
        reports = Reports(world)
        await reports.take(calls(10), sender=THEIRS)
        await reports.take(failures(1000, 20), sender=THEIRS, since=5)
        await reports.take(calls(10))
        await reports.take(failures(1000, 20, temporality=DELTA), since=5)

        assert await world.rows("SELECT count(*) FROM numbers WHERE value = 0") == [(0,)]


async def test_counts_of_the_first_report_are_kept_although_the_queue_was_full(tmp_path: Path) -> None:
    async with open_world(tmp_path) as world:
        reports = Reports(world)
        await reports.take(calls(10))
        sent = request(started(failures(30, 20), LONG_AGO))
        reports.decoder.decode(sent, OURS)  # refused by the queue: its rows are nowhere

        await reports.take(calls(30), failures(35, 30))

        assert (NOW + 10 * SECOND, 0.0) in await world.rows("SELECT time_ns, value FROM numbers")
