import asyncio
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from apps.telemetry.tests.metrics_world import NOW, SECOND, THEIRS, Asking, Intake, asking, counter, gauge, histogram
from apps.telemetry.tests.store_world import World
from lumina_telemetry.metrics.prometheus import written
from lumina_telemetry.rows import Batch

SECONDS = NOW // SECOND
TRACE = "cd" * 16
END = str(SECONDS + 600)
PROMETHEUS = "/prometheus/api/v1"


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[tuple[World, Asking]]:
    async with asking(tmp_path) as (world, client):
        await _fill(world)
        yield world, client


@pytest.fixture
def client(opened: tuple[World, Asking]) -> Asking:
    return opened[1]


async def _fill(world: World) -> None:
    """Ten minutes: chat has two orders a second, embed one, and each waits half a second."""
    intake, batch = Intake(), Batch()
    for second in range(0, 601, 30):
        ours = intake.take(
            counter("orders", 2.0 * second, second, route="chat"),
            counter("orders", 1.0 * second, second, route="embed"),
            gauge("load", 3, second, unit="By", host='a "b"'),
            histogram("wait", [0, second, 0], second, trace=TRACE, route="chat"),
        )
        batch.extend(ours.batch)
        batch.extend(intake.take(gauge("visitors", second, second), sender=THEIRS).batch)
    await world.stored(batch)


async def test_catalogue_tells_name_type_unit_series_and_when_last_seen(client: Asking) -> None:
    page = await client.get("/metrics", start=str(SECONDS), end=END)

    shown = {item["name"]: (item["type"], item["unit"], item["series"]) for item in page["items"]}
    assert shown == {
        "load_bytes": ("gauge", "By", 1),
        "orders_total": ("counter", "", 2),
        "visitors": ("gauge", "", 1),
        "wait_seconds": ("histogram", "s", 1),
    }
    assert {item["last_seen"] for item in page["items"]} == {"2026-05-28T20:36:40.000000000Z"}


async def test_catalogue_is_searched_and_paged(client: Asking) -> None:
    first = await client.get("/metrics", limit="1")
    second = await client.get("/metrics", limit="1", cursor=first["next"])
    found = await client.get("/metrics", search="ORDER", type="counter")

    assert [page["items"][0]["name"] for page in (first, second, found)] == [
        "load_bytes",
        "orders_total",
        "orders_total",
    ]
    assert found["next"] is None


async def test_expressions_are_answered_at_one_time_and_over_a_time(client: Asking) -> None:
    instant = await client.get("/metrics/query", query="sum(rate(orders_total[5m]))", time=END)
    window = {"start": str(SECONDS + 300), "end": END, "step": "60"}
    graph = await client.get("/metrics/query_range", query="orders_total", **window)

    assert instant["items"] == [{"labels": {}, "value": pytest.approx(3.0)}]
    assert [line["labels"]["route"] for line in graph["items"]] == ["chat", "embed"]
    assert graph["items"][1]["values"] == [300, 360, 420, 480, 540, 600]


async def test_rates_percentiles_and_the_largest_need_no_promql(client: Asking) -> None:
    window = {"start": str(SECONDS + 540), "end": END, "step": "60"}

    rate = await client.get("/metrics/rate", metric="orders_total", by="route", where="route=~ch.*", **window)
    percentiles = await client.get("/metrics/percentiles", metric="wait_seconds", p="50,95", **window)
    top = await client.get("/metrics/top", metric="orders_total", by="route", k="1", start=str(SECONDS), end=END)

    assert [line["values"] for line in rate["items"]] == [[pytest.approx(2.0)] * 2]
    assert [line["labels"] for line in percentiles["items"]] == [{"percentile": "50"}, {"percentile": "95"}]
    assert percentiles["items"][0]["values"][0] == pytest.approx(0.55)
    assert top["items"] == [{"labels": {"route": "chat"}, "value": pytest.approx(2.0)}]
    assert top["expression"] == "topk(1, sum by (route) (rate(orders_total{}[600s])))"


async def test_labels_and_their_values_are_listed(client: Asking) -> None:
    names = await client.get("/metrics/labels", metric="wait_seconds")
    values = await client.get("/metrics/labels/route", metric="orders_total")

    assert names["items"] == ["__name__", "instance", "job", "le", "route"]
    assert values["items"] == ["chat", "embed"]


async def test_exemplars_lead_to_the_trace(client: Asking) -> None:
    found = await client.get("/metrics/exemplars", metric="wait_seconds", start=str(SECONDS), end=END, limit="2")

    assert [each["trace_id"] for each in found["items"]] == [TRACE] * 2
    assert found["items"][0]["labels"]["le"] == "1.0"
    assert "newest 2" in found["cut"]


@pytest.mark.parametrize(
    ("path", "parameters", "named"),
    [
        ("/metrics/query", {}, "query"),
        ("/metrics/query", {"query": "stddev(x)"}, "the aggregation stddev"),
        ("/metrics/query", {"query": "x[5m:1m]"}, "subqueries"),
        ("/metrics/query", {"query": "x @ 5"}, "the modifier @"),
        ("/metrics/query", {"query": "predict_linear(x[5m], 9)"}, "the function predict_linear"),
        ("/metrics/query", {"query": "(" * 3000 + "x" + ")" * 3000}, "operators"),
        ("/metrics/query", {"query": "(" * 90 + "x" + ")" * 90}, "nesting"),
        ("/metrics/query", {"query": "x offset inf"}, "no PromQL"),
        ("/metrics/query", {"query": "x offset 200y"}, "hundred years"),
        ("/metrics/query", {"query": "rate(x[200y])"}, "hundred years"),
        ("/metrics/query", {"query": "-" * 8000 + "x"}, "operators"),
        ("/metrics/query", {"query": "x[5m]"}, "range"),
        ("/metrics/labels/a%22b", {}, "no name of a label"),
        ("/metrics/query_range", {"query": "rate(x[99y])", "start": "1", "end": "1", "step": "0.0000001"}, "step"),
        ("/metrics/query", {"query": "x", "time": "noon"}, "noon"),
        ("/metrics/query_range", {"query": "x", "start": "0", "end": END, "step": "1"}, "11000"),
        ("/metrics/query_range", {"query": "x", "step": "-1"}, "-1"),
        ("/metrics/percentiles", {"metric": "orders_total"}, "orders_total"),
        ("/metrics/rate", {"metric": "nothing"}, "nothing"),
        ("/metrics/rate", {"metric": "orders_total", "by": "a) or vector(1"}, "a) or vector(1"),
        ("/metrics/rate", {"metric": "orders_total", "where": "oops"}, "oops"),
        ("/metrics/top", {"metric": "orders_total", "k": "0"}, "k is '0'"),
    ],
)
async def test_what_cannot_be_answered_is_refused_by_name(
    client: Asking, path: str, parameters: dict[str, str], named: str
) -> None:
    answer = await client.get(path, **parameters)

    assert answer["status"] == 422
    assert named in answer["detail"]


async def test_a_project_sees_its_own_series_alone(client: Asking) -> None:
    theirs = await client.get("/metrics/query", query='{__name__=~".+"}', time=END, project="p1")
    nobodys = await client.get("/metrics/query", query='{__name__=~".+"}', time=END, project="p2")
    names = await client.get(f"{PROMETHEUS}/label/__name__/values", project="p1")
    own = await client.get_with_own(f"{PROMETHEUS}/label/__name__/values", "p2")

    assert "visitors" not in own["data"]
    assert "orders_total" in own["data"]
    assert [item["labels"]["__name__"] for item in theirs["items"]] == ["visitors"]
    assert nobodys["items"] == []
    assert names["data"] == ["visitors"]


async def test_prometheus_queries_have_prometheus_form(client: Asking) -> None:
    query = {"query": 'orders_total{route="embed"}', "time": END}
    expected = {
        "status": "success",
        "data": {
            "resultType": "vector",
            "result": [
                {
                    "metric": {"__name__": "orders_total", "instance": "1", "job": "shop", "route": "embed"},
                    "value": [SECONDS + 600, "600"],
                }
            ],
        },
    }

    assert await client.get(f"{PROMETHEUS}/query", **query) == expected
    assert await client.form(f"{PROMETHEUS}/query", **query) == expected


async def test_prometheus_ranges_and_scalars_have_prometheus_form(client: Asking) -> None:
    window = {"start": str(SECONDS + 570), "end": END, "step": "30s"}
    curve = await client.form(f"{PROMETHEUS}/query_range", query='orders_total{route="embed"} / 0', **window)
    scalar = await client.get(f"{PROMETHEUS}/query", query="1 / 8", time=END)

    assert curve["data"]["resultType"] == "matrix"
    assert curve["data"]["result"][0]["values"] == [[SECONDS + 570, "+Inf"], [SECONDS + 600, "+Inf"]]
    assert scalar["data"] == {"resultType": "scalar", "result": [SECONDS + 600, "0.125"]}


async def test_prometheus_errors_have_prometheus_form(client: Asking) -> None:
    answer = await client.get(f"{PROMETHEUS}/query", query="sum(")

    assert (answer["status"], answer["errorType"]) == ("error", "bad_data")
    assert "sum(" in answer["error"]


@pytest.mark.parametrize(
    ("path", "parameters", "expected"),
    [
        ("labels", {}, ["__name__", "host", "instance", "job", "le", "lumina_project_id", "route"]),
        ("labels", {"match[]": "load_bytes"}, ["__name__", "host", "instance", "job"]),
        ("label/le/values", {}, ["+Inf", "0.1", "1.0"]),
        ("label/host/values", {}, ['a "b"']),
        ("label/nothing/values", {}, []),
        ("label/route/values", {"match[]": 'orders_total{route!="chat"}'}, ["embed"]),
        ("label/route/values", {"match[]": "orders_total", "start": "1", "end": "2"}, []),
        ("series", {"match[]": "wait_seconds_sum", "start": str(SECONDS), "end": END},
         [{"__name__": "wait_seconds_sum", "instance": "1", "job": "shop", "route": "chat"}]),
        ("metadata", {"metric": "load_bytes"}, {"load_bytes": [{"type": "gauge", "help": "", "unit": "By"}]}),
    ],
)  # fmt: skip
async def test_prometheus_discovery(client: Asking, path: str, parameters: dict[str, str], expected: Any) -> None:
    assert await client.get(f"{PROMETHEUS}/{path}", **parameters) == {"status": "success", "data": expected}


async def test_prometheus_exemplars_carry_the_trace_id(client: Asking) -> None:
    query = "histogram_quantile(0.95, sum by (le) (rate(wait_seconds_bucket[5m])))"

    answer = await client.get(f"{PROMETHEUS}/query_exemplars", query=query, start=str(SECONDS + 600), end=END)

    assert answer["data"] == [
        {
            "seriesLabels": {
                "__name__": "wait_seconds_bucket", "instance": "1", "job": "shop", "le": "1.0", "route": "chat",
            },
            "exemplars": [
                {"labels": {"trace_id": TRACE, "span_id": "01" * 8}, "value": "0.5", "timestamp": SECONDS + 600}
            ],
        }
    ]  # fmt: skip


async def test_grafana_is_told_a_version(client: Asking) -> None:
    answer = await client.get(f"{PROMETHEUS}/status/buildinfo")

    assert answer["data"]["version"] == "2.42.0"


@pytest.mark.system("promtool")
async def test_promtool_takes_lumina_for_a_prometheus(client: Asking) -> None:
    url = str(client.client.make_url("/prometheus"))
    window = [f"--start={SECONDS}", f"--end={END}"]

    instant = await _promtool("query", "instant", f"--time={END}", url, "sum by (route) (orders_total)")
    graph = await _promtool("query", "range", *window, "--step=300s", url, "load_bytes")
    series = await _promtool("query", "series", "--match=visitors", *window, url)
    labels = await _promtool("query", "labels", url, "route")

    assert '{route="chat"} => 1200 @' in instant
    assert graph.count("3 @") == 3
    assert 'visitors"' in series or "visitors" in series
    assert labels.split() == ["chat", "embed"]


async def _promtool(*arguments: str) -> str:
    run = await asyncio.to_thread(subprocess.run, ["promtool", *arguments], capture_output=True, text=True, timeout=20)
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.0, "1"), (0.1, "0.1"), (1e21, "1000000000000000000000"), (2.5e-7, "0.00000025"), (float("-inf"), "-Inf"),
     (float("nan"), "NaN"), (-3.5, "-3.5")],
)  # fmt: skip
def test_values_are_written_without_exponent(value: float, text: str) -> None:
    assert written(value) == text
