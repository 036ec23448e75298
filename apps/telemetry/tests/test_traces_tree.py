"""One trace as a tree, however it came in; and the way from any id to its span."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from apps.telemetry.tests.store_world import NOON, SECOND, World, open_world, span
from apps.telemetry.tests.traces_world import Asking, asking
from lumina_telemetry.rows import Batch, ResourceRow, SpanRow

TRACE = f"/traces/{1:032x}"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path) as opened:
        yield opened


@pytest.fixture
async def ask(world: World) -> AsyncIterator[Asking]:
    async with asking(world) as opened:
        yield opened


def under(number: int, parent: int, **fields: object) -> SpanRow:
    return span(number, parent_id=f"{parent:016x}", **fields)


async def test_a_span_comes_back_with_all_that_was_sent(world: World, ask: Asking) -> None:
    sent = span(
        1,
        kind=3,
        route="fast",
        cost_nano_usd=5,
        attributes='{"x":[1]}',
        events='[{"name":"e"}]',
        links="[]",
        resource=9,
    )
    await world.stored(Batch(spans=[sent], resources=[ResourceRow(id=9, attributes='{"service.name":"app"}')]))

    (node,) = (await ask(TRACE))["items"]

    told = node["span"]
    assert told["attributes"] == {"lumina.route": "fast", "lumina.cost.nano_usd": 5, "x": [1]}
    assert (told["kind"], told["events"], told["resource"]) == ("client", [{"name": "e"}], {"service.name": "app"})


async def test_gaps_circles_repeats_and_wrong_clocks_are_shown_and_told(world: World, ask: Asking) -> None:
    rows = [
        span(1), under(2, 1), under(3, 2, start_ns=NOON), under(4, 99), under(5, 6), under(6, 5), under(7, 6),
        under(2, 1, duration_ns=5 * SECOND),
    ]  # fmt: skip
    await world.stored(Batch(spans=rows))

    tree = await ask(TRACE)

    nodes = [(int(node["span"]["span_id"], 16), node["depth"], node["children"]) for node in tree["items"]]
    assert nodes == [(1, 0, 1), (2, 1, 1), (3, 2, 0), (4, 0, 0), (5, 0, 1), (6, 1, 1), (7, 2, 0)]
    assert (tree["spans"], tree["orphans"], tree["cycles"], tree["early"], tree["duplicates"]) == (7, 1, 1, 2, 1)
    by_id = {int(node["span"]["span_id"], 16): node for node in tree["items"]}
    assert (by_id[2]["duplicates"], by_id[2]["span"]["duration_ms"]) == (1, 5000)
    assert (by_id[4]["orphan"], by_id[5]["cycle"], by_id[3]["early_ms"]) == (True, True, 2000)


async def test_a_clock_that_is_ahead_is_told_and_its_trace_is_listed_now(world: World, ask: Asking) -> None:
    tomorrow = NOON + 86_400 * SECOND
    await world.stored(Batch(spans=[span(1), under(2, 1, start_ns=tomorrow, time_ns=NOON)]))

    tree = await ask(TRACE)
    listed = await ask("/traces", start=NOON // SECOND - 3600, end=NOON // SECOND + 60)

    assert (tree["ahead"], [node["ahead_ms"] for node in tree["items"]]) == (1, [0, 86_400_000])
    assert [item["spans"] for item in listed["items"]] == [2]


async def test_a_trace_of_50_000_spans_comes_in_pages_and_by_subtree(world: World, ask: Asking) -> None:
    chain = [span(1), *(under(number, number - 1, start_ns=NOON + number) for number in range(2, 25_001))]
    wide = [under(number, 1, start_ns=NOON + number) for number in range(25_001, 50_001)]
    await world.stored(Batch(spans=[*chain, *wide]))

    first = await ask(TRACE, limit=500)
    second = await ask(TRACE, limit=500, cursor=first["next"])
    branch = await ask(TRACE, span=f"{24_990:016x}", depth=3)

    assert (first["spans"], first["items"][-1]["depth"], second["items"][0]["depth"]) == (50_000, 499, 500)
    assert [int(node["span"]["span_id"], 16) for node in branch["items"]] == [24_990, 24_991, 24_992, 24_993]


async def test_a_page_of_large_spans_ends_early(world: World, ask: Asking) -> None:
    large = '{"x":"' + "y" * 3_000_000 + '"}'
    await world.stored(Batch(spans=[span(number, attributes=large) for number in range(1, 6)]))

    page = await ask(TRACE)

    assert (len(page["items"]), page["spans"], bool(page["next"])) == (2, 5, True)


async def test_an_unknown_trace_and_anothers_project_look_the_same(world: World, ask: Asking) -> None:
    await world.stored(Batch(spans=[span(1, project="mine")]))

    for answer in (await ask(TRACE, project_header="theirs"), await ask(f"/traces/{2:032x}"), await ask("/traces/x")):
        assert (answer["status"], answer["code"]) == (404, "trace_not_found")


IDS = {
    "response_id": "chatcmpl-1", "request_id": "req-1", "trace_id": f"{1:032x}", "span_id": f"{1:016x}",
    "prompt_sha256": "a" * 64,
}  # fmt: skip


@pytest.mark.parametrize("kind", IDS)
async def test_any_id_leads_to_the_span_of_lumina(world: World, ask: Asking, kind: str) -> None:
    await world.stored(
        Batch(
            spans=[span(1, ours=True, response_id="chatcmpl-1", request_id="req-1", prompt_sha256="a" * 64, route="r")]
        )
    )

    (match,) = (await ask(f"/resolve/{IDS[kind]}"))["items"]

    assert (match["matched"], match["span"]["attributes"]["lumina.route"]) == (kind, "r")


async def test_spans_of_others_are_never_believed_and_projects_stay_apart(world: World, ask: Asking) -> None:
    await world.stored(Batch(spans=[span(1, response_id="forged"), span(2, ours=True, request_id="r", project="mine")]))

    assert (await ask("/resolve/forged"))["code"] == "not_resolved"
    assert (await ask("/resolve/r", project_header="theirs"))["code"] == "not_resolved"
    assert len((await ask("/resolve/r", project_header="mine"))["items"]) == 1
