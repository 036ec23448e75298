"""What a real Prometheus is not asked: ends of series, projects, histograms whose buckets change, bounds."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from apps.telemetry.tests.promql_world import row
from apps.telemetry.tests.store_world import NOON, SECOND, World, open_world
from lumina_telemetry.errors import BadQuery
from lumina_telemetry.promql import Engine, UnsupportedPromql
from lumina_telemetry.rows import STALE, Batch, HistogramRow, NumberRow, SeriesRow
from lumina_telemetry.settings import TelemetrySettings
from lumina_telemetry.visibility import Visible

MINUTE = 60 * SECOND


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path) as opened:
        yield opened


async def put(world: World, series: SeriesRow, values: list[float], every_seconds: int = 10) -> None:
    numbers = [
        NumberRow(series=series.id, time_ns=NOON + place * every_seconds * SECOND, value=value)
        for place, value in enumerate(values)
    ]
    await world.stored(Batch(series=[series], numbers=numbers))


async def values(world: World, expression: str, at_ns: int, scope: Visible = None, **settings: Any) -> list[float]:
    told = TelemetrySettings(**settings) if settings else world.settings
    return [sample.value for sample in await Engine(world.store, told).instant(expression, at_ns, scope)]


async def test_a_series_that_ended_is_gone_at_once_and_its_end_is_no_value(world: World) -> None:
    await put(world, row(1, "load", {}, "gauge"), [1, 2, 3, STALE])

    assert await values(world, "load", NOON + 29 * SECOND) == [3]
    assert await values(world, "load", NOON + 30 * SECOND) == []
    assert await values(world, "load", NOON + 30 * SECOND, scope=None) == []
    assert await values(world, "min_over_time(load[5m])", NOON + MINUTE) == [1]


async def test_a_histogram_that_ended_is_gone(world: World) -> None:
    times = [(0, (1, 2)), (10, ())]
    rows = [
        HistogramRow(series=1, time_ns=NOON + at * SECOND, count=sum(buckets), sum=1.0, buckets=buckets)
        for at, buckets in times
    ]
    await world.stored(Batch(series=[row(1, "wait", {}, "histogram", (1.0,))], histograms=rows))

    assert await values(world, "wait_bucket", NOON + 5 * SECOND) == [1, 3]
    assert await values(world, '{__name__=~"wait_.*"}', NOON + 10 * SECOND) == []


async def test_buckets_that_change_go_on_as_the_same_series(world: World) -> None:
    first, second = row(1, "wait", {}, "histogram", (1.0, 2.0)), row(2, "wait", {}, "histogram", (1.0, 4.0))
    rows = [
        HistogramRow(series=1, time_ns=NOON, count=6, sum=1.0, buckets=(1, 2, 3)),
        HistogramRow(series=2, time_ns=NOON + MINUTE, count=9, sum=1.0, buckets=(2, 3, 4)),
    ]
    await world.stored(Batch(series=[first, second], histograms=rows))

    assert await values(world, 'delta(wait_bucket{le="1.0"}[1m])', NOON + MINUTE) == [1]
    assert await values(world, 'wait_bucket{le="4.0"}', NOON + MINUTE) == [5]


async def test_a_query_bound_to_a_project_reads_nothing_else(world: World) -> None:
    await put(world, row(1, "load", {"of": "p1"}, "gauge", project="p1"), [1])
    await put(world, row(2, "load", {"of": "all"}, "gauge"), [2])

    assert await values(world, "load", NOON, scope=("p1",)) == [1]
    assert await values(world, "sum(load)", NOON) == [3]
    assert await values(world, "load", NOON, scope=("p2",)) == []


async def test_recent_range_of_a_day_reads_one_row_for_each_series(world: World) -> None:
    await put(world, row(1, "orders_total", {}, "counter"), [float(value) for value in range(5000)])

    found = await values(world, "increase(orders_total[12h])", NOON + 49_990 * SECOND, query_samples=10)

    assert found == [pytest.approx(4999 * 43_200 / 49_990, rel=0.2)]


@pytest.mark.parametrize(
    ("expression", "settings", "named"),
    [
        ('{__name__=~".+"}', {"query_series": 2}, "more than 2 series"),
        ("load", {"query_samples": 2}, "more than 2 values"),
        ("irate(load[5m])", {"query_samples": 3}, "more than 3 samples"),
    ],
)
async def test_what_is_too_much_is_refused(world: World, expression: str, settings: dict[str, Any], named: str) -> None:
    for number in range(3):
        await put(world, row(number + 1, "load", {"number": str(number)}, "gauge"), [1, 2, 3])

    with pytest.raises(BadQuery, match=named):
        await values(world, expression, NOON + MINUTE, **settings)


def test_check_names_what_is_not_supported(world: World) -> None:
    engine = Engine(world.store, world.settings)

    engine.check('sum by (le) (rate(wait_bucket{job="x"}[5m])) > 0')
    with pytest.raises(UnsupportedPromql, match="label_replace"):
        engine.check('label_replace(x, "a", "b", "c", "d")')


async def test_series_that_follow_one_another_do_not_multiply_without_bound(world: World) -> None:
    for number in range(2):
        early = [float(number), STALE] if number else [STALE, 1.0]
        await put(world, row(number + 1, "info", {"number": str(number)}, "gauge"), early, every_seconds=600)
        await put(world, row(number + 3, "load", {"number": str(number)}, "gauge"), [1, 1], every_seconds=600)
    engine = Engine(world.store, TelemetrySettings(query_samples=4))

    with pytest.raises(BadQuery, match="more than 4 values"):
        await engine.range("load * on() group_left() info", NOON, NOON + 10 * MINUTE, 10 * MINUTE)


@pytest.mark.parametrize("pattern", ["(?x)a", "a{2000}"])
async def test_regular_expression_that_prometheus_does_not_know_is_refused(world: World, pattern: str) -> None:
    await put(world, row(1, "load", {}, "gauge"), [1])

    with pytest.raises(UnsupportedPromql, match="no regular expression"):
        await values(world, f'load{{job=~"{pattern}"}}', NOON)
