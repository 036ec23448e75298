"""The engine beside a real Prometheus over the same measurements."""

import json
import math
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

from apps.telemetry.tests.promql_world import BEGIN, LENGTH, SECOND, Measurements, measurements
from apps.telemetry.tests.store_world import World, open_world
from lumina_telemetry.errors import BadQuery
from lumina_telemetry.promql import Engine

TIMES = (BEGIN + 1815.0, BEGIN + 2300.5, BEGIN + 5700.0)
EXPRESSIONS = """
requests_total
requests_total{code="200"}
requests_total{code!="200", instance=~"a|c"}
requests_total{code!~"4.*|5.*"}
requests_total{code=~"(?i)2\\\\d+|"}
{__name__=~"requests.*|info"}
temperature offset 10m
requests_total offset -1m
odd
rate(requests_total[5m])
rate(requests_total[1m])
rate(requests_total[45s])
rate(requests_total[7m] offset 3m)
increase(requests_total[1h])
increase(requests_total[5m])
irate(requests_total[5m])
delta(temperature[5m])
idelta(temperature[5m])
resets(requests_total[1h])
changes(temperature[10m])
sum(rate(requests_total[5m]))
sum by (code) (rate(requests_total[5m]))
sum without (code, job) (requests_total)
avg by (instance) (temperature)
avg(odd)
min(temperature)
max by (job) (temperature)
max({__name__=~"odd|temperature"})
count(requests_total) by (code)
count(requests_total > 100)
group(temperature)
topk(2, rate(requests_total[5m]))
topk by (code) (1, requests_total)
bottomk(2, temperature)
topk(3, {__name__=~"odd|temperature"})
topk(1.9, temperature)
requests_total > 200
requests_total >= bool 200
200 < requests_total
temperature == temperature
temperature != bool 3
sum(rate(requests_total{code="500"}[5m])) / sum(rate(requests_total[5m]))
sum by (instance) (rate(requests_total{code=~"5.."}[5m])) / sum by (instance) (rate(requests_total[5m])) > 0.1
requests_total{code="200"} / ignoring(code) requests_total{code="404"}
requests_total{code="200"} - on(instance, job) requests_total{code="404"}
requests_total * on(instance) group_left(version) info
info * on(instance) group_right(version) requests_total
requests_total > on(instance) group_left() temperature
temperature > on(instance) requests_total{code="200"}
temperature and on(instance) info
temperature unless on(instance) info
temperature or requests_total
temperature or on(instance) info
temperature or temperature offset 40m
odd or requests_total offset 30m or requests_total
temperature + 1.5
2 - temperature
temperature * temperature
temperature / 0
temperature % 7
temperature ^ 2
-temperature
-(temperature + 1)
(1 + 2) * 3
vector(3)
time()
scalar(temperature{instance="a"})
scalar(temperature)
absent(requests_total)
absent(nothing{job="web", code=~"2.."})
absent(sum(nothing))
clamp(temperature, 0, 20)
clamp_min(temperature, 5)
clamp_max(temperature, 5)
round(temperature)
round(temperature, 0.5)
abs(temperature)
ceil(temperature)
floor(temperature)
sqrt(temperature)
ln(requests_total)
sum_over_time(temperature[10m])
avg_over_time(temperature[10m])
min_over_time(temperature[10m])
max_over_time(temperature[10m])
max_over_time(odd[20m])
count_over_time(temperature[10m])
last_over_time(temperature[10m])
present_over_time(temperature[10m])
histogram_quantile(0.95, sum by (le) (rate(latency_seconds_bucket[5m])))
histogram_quantile(0.5, rate(latency_seconds_bucket[10m]))
histogram_quantile(0.999, latency_seconds_bucket)
histogram_quantile(0, latency_seconds_bucket)
histogram_quantile(1.5, latency_seconds_bucket)
histogram_quantile(0.9, latency_seconds_bucket{le!="+Inf"})
rate(latency_seconds_sum[5m]) / rate(latency_seconds_count[5m])
latency_seconds_bucket{le="0.5"}
1 - sum(rate(latency_seconds_bucket{le="0.5"}[5m])) / sum(rate(latency_seconds_count[5m]))
increase(latency_seconds_bucket{le=~"0.1|\\\\+Inf"}[30m])
temperature{instance=""}
temperature{absent=""}
""".strip().splitlines()
AMBIGUOUS = (
    "requests_total / on(instance) requests_total",
    "requests_total / on(instance) info",
    "info / on(instance) requests_total",
    'rate({__name__=~"requests_total|temperature", instance="a", code=~"|200"}[5m]) + on(instance) requests_total',
)
pytestmark = [pytest.mark.system("prometheus", "promtool")]
Series = dict[tuple[tuple[str, str], ...], dict[float, float]]


class Prometheus:
    """A Prometheus that holds the measurements and scrapes nothing."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}"

    def wait(self) -> None:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                urlopen(f"{self._url}/-/ready", timeout=1)
                return
            except (URLError, ConnectionError):
                time.sleep(0.05)
        raise TimeoutError("Prometheus did not become ready.")

    def ask(self, path: str, **parameters: str) -> Any:
        with urlopen(f"{self._url}/api/v1/{path}?{urlencode(parameters)}", timeout=10) as answer:
            return json.load(answer)["data"]

    def series(self, path: str, **parameters: str) -> Series:
        data = self.ask(path, **parameters)
        if data["resultType"] == "scalar":
            return {(): dict([_point(data["result"])])}
        return {
            tuple(sorted(each["metric"].items())): dict(map(_point, each.get("values") or [each["value"]]))
            for each in data["result"]
        }


def _point(pair: list[Any]) -> tuple[float, float]:
    return float(pair[0]), float(pair[1])


@contextmanager
def _running(folder: Path, data: Measurements) -> Iterator[Prometheus]:
    (folder / "data.txt").write_text(data.openmetrics())
    (folder / "prometheus.yml").write_text("{}")
    blocks = ["promtool", "tsdb", "create-blocks-from", "openmetrics", "data.txt", "tsdb"]
    subprocess.run(blocks, cwd=folder, check=True, capture_output=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--config.file=prometheus.yml", "--storage.tsdb.path=tsdb", "--storage.tsdb.retention.time=100y"]
    command = ["prometheus", *options, f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        running = Prometheus(port)
        running.wait()
        yield running
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    with _running(tmp_path_factory.mktemp("prometheus"), measurements()) as running:
        yield running


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path) as world:
        await world.stored(measurements().batch())
        yield world


async def test_instant_queries_give_what_prometheus_gives(prometheus: Prometheus, world: World) -> None:
    engine = Engine(world.store, world.settings)
    differences = []

    for expression in EXPRESSIONS:
        for at in TIMES:
            ours = {
                tuple(sorted(sample.labels.items())): {at: sample.value}
                for sample in await engine.instant(expression, round(at * SECOND))
            }
            differences += _differences(expression, ours, prometheus.series("query", query=expression, time=str(at)))

    assert differences == []


@pytest.mark.parametrize(("begin", "step"), [(BEGIN - 30.0, 15), (BEGIN + 7.3, 47), (BEGIN + 1.0, 600)])
async def test_range_queries_give_what_prometheus_gives(
    prometheus: Prometheus, world: World, begin: float, step: int
) -> None:
    engine = Engine(world.store, world.settings)
    end = begin + min(LENGTH, step * 130)
    differences = []

    for expression in EXPRESSIONS:
        curves = await engine.range(expression, round(begin * SECOND), round(end * SECOND), step * SECOND)
        ours = {
            tuple(sorted(curve.labels.items())): {
                at / SECOND: value for at, value in zip(curve.times, curve.values, strict=True)
            }
            for curve in curves
        }
        assert len(ours) == len(curves)
        window = {"start": str(begin), "end": str(end), "step": str(step)}
        differences += _differences(expression, ours, prometheus.series("query_range", query=expression, **window))

    assert differences == []


@pytest.mark.parametrize("expression", AMBIGUOUS)
async def test_what_prometheus_finds_ambiguous_is_refused(
    prometheus: Prometheus, world: World, expression: str
) -> None:
    engine = Engine(world.store, world.settings)

    with pytest.raises(HTTPError):
        prometheus.ask("query", query=expression, time=str(TIMES[0]))
    with pytest.raises(BadQuery):
        await engine.instant(expression, round(TIMES[0] * SECOND))


def _differences(expression: str, ours: Series, theirs: Series) -> list[str]:
    if ours.keys() != theirs.keys():
        return [f"{expression}: series {sorted(ours.keys() ^ theirs.keys())[:3]}"]
    return [
        f"{expression}: {dict(labels)} at {at}: {ours[labels].get(at)}, not {points.get(at)}"
        for labels, points in theirs.items()
        for at in sorted(points.keys() | ours[labels].keys())
        if not _same(ours[labels].get(at), points.get(at))
    ][:3]


def _same(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return (math.isnan(one) and math.isnan(other)) or math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)
