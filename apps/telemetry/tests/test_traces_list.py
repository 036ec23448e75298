"""The list of traces: what is found, in which order, and how pages go on."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from apps.telemetry.tests.store_world import NOON, SECOND, World, open_world, span, trace
from apps.telemetry.tests.traces_world import Asking, asking
from lumina_telemetry.rows import Batch, ResourceRow


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path) as opened:
        yield opened


@pytest.fixture
async def ask(world: World) -> AsyncIterator[Asking]:
    async with asking(world) as opened:
        yield opened


def ids(page: dict[str, Any]) -> list[int]:
    return [int(item["trace_id"], 16) for item in page["items"]]


async def test_a_trace_is_told_by_its_root_with_counts_of_all_its_spans(world: World, ask: Asking) -> None:
    root = span(1, service="app", name="answer")
    call = span(2, parent_id=root.span_id, route="fast", status=2, input_tokens=10, cost_nano_usd=7, service="gateway")
    await world.stored(Batch(spans=[call, root]))

    page = await ask("/traces")

    (item,) = page["items"]
    assert (item["name"], item["service"], item["root"], item["spans"], item["errors"]) == ("answer", "app", True, 2, 1)
    assert (item["route"], item["input_tokens"], item["cost_nano_usd"], item["output_tokens"]) == ("fast", 10, 7, None)
    assert (page["next"], page["cut"]) == (None, None)


async def test_a_trace_without_a_root_is_told_by_its_earliest_span(world: World, ask: Asking) -> None:
    await world.stored(Batch(spans=[span(3, parent_id="f" * 16), span(2, parent_id="f" * 16)]))

    (item,) = (await ask("/traces"))["items"]

    assert (item["name"], item["root"], item["duration_ms"]) == ("step 2", False, 1100.0)


async def test_tokens_that_a_parent_repeats_are_counted_once(world: World, ask: Asking) -> None:
    agent = span(1, input_tokens=30)
    step = span(2, parent_id=agent.span_id)
    calls = [span(number, parent_id=step.span_id, input_tokens=15) for number in (3, 4)]
    await world.stored(Batch(spans=[agent, step, *calls]))

    (item,) = (await ask("/traces"))["items"]

    assert item["input_tokens"] == 30


async def test_pages_hold_every_trace_once_newest_first_while_spans_come_in(world: World, ask: Asking) -> None:
    await world.stored(Batch(spans=[row for number in range(1, 31) for row in trace(number, spans=3)]))
    seen: list[int] = []
    cursor: str | None = None

    for page_number in range(10):
        page = await ask("/traces", limit=7, **({"cursor": cursor} if cursor else {}))
        seen += ids(page)
        cursor = page["next"]
        await world.stored(Batch(spans=trace(100 + page_number, spans=2, start_ns=NOON + page_number * SECOND)))
        if cursor is None:
            break

    assert seen == list(range(30, 0, -1))


async def test_traces_of_one_instant_are_all_listed(world: World, ask: Asking) -> None:
    await world.stored(Batch(spans=[row for number in range(1, 1201) for row in trace(number, spans=1, start_ns=NOON)]))
    seen: list[int] = []
    cursor: str | None = ""

    while cursor is not None:
        page = await ask("/traces", limit=500, **({"cursor": cursor} if cursor else {}))
        seen += ids(page)
        cursor = page["next"]

    assert seen == list(range(1200, 0, -1))


@pytest.mark.parametrize(
    "asked",
    [
        {"route": "fast"}, {"model": "m1"}, {"status": "error"}, {"min_ms": "5000"}, {"project": "p"},
        {"where": "x.user=ana"}, {"where": "x.user~an"}, {"where": "x.n>2"}, {"where": "x.user!=bo"},
        {"where": "lumina.route=fast"}, {"where": "gen_ai.usage.input_tokens>5"}, {"where": "x.flag"},
        {"where": "host.name=box"}, {"where": "x/y=1"}, {"where": "x.flag=true"},
    ],
)  # fmt: skip
async def test_a_filter_finds_the_trace_by_any_of_its_spans(world: World, ask: Asking, asked: dict[str, str]) -> None:
    told = '{"x.user":"ana","x.n":3,"x/y":"1","x.flag":true}'
    child = trace(
        1, spans=2, offset=1, attributes=told, route="fast", response_model="m1", status=2, duration_ns=6 * SECOND,
        project="p", input_tokens=6, resource=5,
    )  # fmt: skip
    others = trace(2, spans=2, attributes='{"x.user":"bo"}')
    resource = ResourceRow(id=5, attributes='{"host.name":"box"}')
    await world.stored(
        Batch(spans=[*trace(1, spans=1, attributes='{"x.user":"bo"}'), *child, *others], resources=[resource])
    )

    page = await ask("/traces", **asked)

    assert ids(page) == [1]


async def test_another_projects_spans_are_neither_listed_nor_counted(world: World, ask: Asking) -> None:
    root = span(1, project="mine")
    await world.stored(Batch(spans=[root, span(2, parent_id=root.span_id, project="theirs", input_tokens=5)]))

    assert (await ask("/traces", project_header="nobody"))["items"] == []
    (item,) = (await ask("/traces", project_header="mine"))["items"]
    assert (item["spans"], item["input_tokens"]) == (1, None)


async def test_a_child_found_long_after_its_root_still_leads_to_it(world: World, ask: Asking) -> None:
    late = [*trace(1, spans=1), span(9, parent_id=f"{1 << 20:016x}", route="fast", start_ns=NOON + 1500 * SECOND)]
    between = [row for number in range(2, 40) for row in trace(number, spans=1)]
    await world.stored(Batch(spans=[*late, *between]))

    page = await ask("/traces", route="fast")

    assert (ids(page), page["items"][0]["name"]) == ([1], "trace 1")


@pytest.mark.parametrize(
    "asked",
    [
        {"cursor": "x"}, {"limit": "9999"}, {"start": "soon"}, {"start": "200", "end": "100"}, {"where": "=1"},
        {"where": "x>much"}, {"where": "x>=5"}, {"status": "odd"}, {"min_ms": "nan"},
    ],
)  # fmt: skip
async def test_what_cannot_be_understood_is_refused_and_named(ask: Asking, asked: dict[str, str]) -> None:
    answer = await ask("/traces", **{"start": str(NOON // SECOND), "end": str(NOON // SECOND + 9), **asked})

    assert (answer["status"], answer["code"]) == (422, "bad_query")


async def test_percentiles_are_told_by_group_and_step(world: World, ask: Asking) -> None:
    rows = [
        span(n, start_ns=NOON + n, duration_ns=n * 10**6, route="ab"[n % 2], status=2 * (n == 1)) for n in range(1, 101)
    ]
    await world.stored(Batch(spans=[*rows, span(200, start_ns=NOON + 90 * SECOND, route="a")]))

    page = await ask("/traces/statistics", by="lumina.route", step=60, start=NOON // SECOND, end=NOON // SECOND + 120)

    told = [(item["group"], item["count"], item["errors"]) for item in page["items"]]
    assert told == [("a", 50, 0), ("b", 50, 1), ("a", 1, 0)]
    assert page["items"][0]["p95_ms"] == pytest.approx(95, abs=2)


async def test_values_of_an_attribute_come_most_frequent_first(world: World, ask: Asking) -> None:
    rows = [span(n, attributes='{"x":"%s"}' % ("often" if n > 2 else f"rare{n}")) for n in range(1, 7)]
    await world.stored(Batch(spans=rows))

    page = await ask("/traces/values", attribute="x", limit=2)

    assert page["items"] == [{"value": "often", "spans": 4}, {"value": "rare1", "spans": 1}]
    assert page["cut"]


async def test_a_cut_search_says_so_and_goes_on(world: World) -> None:
    await world.stored(Batch(spans=trace(1, spans=1)))
    async with asking(world, query_seconds=1e-9) as ask:
        page = await ask("/traces")

    assert (page["items"], bool(page["cut"]), bool(page["next"])) == ([], True, True)


async def test_operator_that_is_none_is_answered_with_those_there_are(ask: Asking) -> None:
    assert "= != ~ > <" in (await ask("/traces", where="x>=5"))["next_step"]
