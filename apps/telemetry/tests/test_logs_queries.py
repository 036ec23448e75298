"""Logs as they are asked for over HTTP: found by what they say, counted, and beside a trace."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from apps.telemetry.tests.store_world import NOON, SECOND, World, open_world, span
from lumina_telemetry.answering import answers
from lumina_telemetry.logs.filters import asked
from lumina_telemetry.logs.histogram import HistogramQuery, histogram
from lumina_telemetry.logs.listing import LogQuery, list_logs
from lumina_telemetry.logs.routes import routes
from lumina_telemetry.logs.tail import Tail
from lumina_telemetry.rows import Batch, LogRow, ResourceRow

Ask = Callable[..., Awaitable[dict[str, Any]]]
HOUR = {"start": str(NOON // SECOND), "end": str(NOON // SECOND + 3600)}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path) as opened:
        yield opened


@pytest.fixture
async def ask(world: World) -> AsyncIterator[Ask]:
    """Asks a path about the hour that begins at NOON, and gives the JSON of the answer."""
    app = web.Application(middlewares=[answers.problems])
    app.add_routes(routes(world.store, world.settings, Tail()))
    async with TestClient(TestServer(app)) as client:

        async def asking(
            path: str, *, project: str | None = None, own: bool = False, **parameters: Any
        ) -> dict[str, Any]:
            headers = {answers.PROJECT_HEADER: project} if project else {}
            headers |= {answers.OWN_HEADER: "1"} if own else {}
            answer = await client.get(path, params={**HOUR, **parameters}, headers=headers)
            told: dict[str, Any] = await answer.json(content_type=None)
            return told

        yield asking


def log(number: int, **fields: Any) -> LogRow:
    """Record `number`, so many seconds after NOON."""
    at = NOON + number * SECOND
    attributes = json.dumps(fields.pop("attributes", {}), ensure_ascii=False)
    told = {"time_ns": at, "observed_ns": at, "severity": 9, "body": f"said {number}", "service": "shop"}
    return LogRow(**{**told, **fields, "attributes": attributes})


def bodies(answer: dict[str, Any]) -> list[str]:
    return [item["body"] for item in answer["items"]]


async def test_the_newest_records_come_first_and_pages_go_on_without_gap_or_repeat(world: World, ask: Ask) -> None:
    rows = [log(number // 3, body=str(number)) for number in range(20)]  # three at each very time
    await world.stored(Batch(logs=rows))

    pages = [await ask("/logs", limit=7)]
    await world.stored(Batch(logs=[log(2, body="came late")]))
    while pages[-1]["next"]:
        pages.append(await ask("/logs", limit=7, cursor=pages[-1]["next"]))

    assert [body for page in pages for body in bodies(page)] == [str(number) for number in reversed(range(20))]
    assert {page["cut"] for page in pages} == {None}


async def test_a_record_is_told_whole(world: World, ask: Ask) -> None:
    row = log(1, severity=17, severity_text="ERROR", trace_id=f"{7:032x}", span_id=f"{8:016x}", scope="lib",
              project="p", event_name="e", attributes={"n": 1, "tags": ["a"]})  # fmt: skip
    await world.stored(Batch(logs=[row]))

    [item] = (await ask("/logs"))["items"]

    assert item == {
        "time": "2026-05-28T20:26:41.000000000Z", "severity": 17, "level": "ERROR", "service": "shop", "body": "said 1",
        "event_name": "e", "trace_id": f"{7:032x}", "span_id": f"{8:016x}", "scope": "lib", "project": "p",
        "ours": False, "attributes": {"n": 1, "tags": ["a"]},
    }  # fmt: skip


RECORDS = [
    log(1, body="Payment of Käse REFUSED", severity=17, service="till", attributes={"code": 402, "city": "Zürich"}),
    log(2, body="payment taken", attributes={"code": 200, "quick": True, "a/b": "c~d"}),
    log(3, body='said "hello"', severity=5, trace_id=f"{7:032x}", attributes={"code": "many"}),
    log(4, body="payment was not refused", severity=13, resource=5),
]
SENDER = ResourceRow(id=5, attributes='{"host.name":"h1"}')
QUESTIONS: list[tuple[dict[str, str], list[int]]] = [
    ({"q": "PAYMENT"}, [4, 2, 1]),
    ({"q": "refused payment"}, [4, 1]),
    ({"q": '"not refused"'}, [4]),
    ({"q": "käse"}, [1]),
    ({"q": "zürich"}, [1]),
    ({"q": "hello"}, [3]),
    ({"severity": "warning"}, [4, 1]),
    ({"severity": "13"}, [4, 1]),
    ({"service": "till"}, [1]),
    ({"trace_id": f"{7:032X}"}, [3]),
    ({"where": "code=402"}, [1]),
    ({"where": "code>201"}, [1]),
    ({"where": "code<1000"}, [2, 1]),
    ({"where": "code"}, [3, 2, 1]),
    ({"where": "code!=402"}, [4, 3, 2]),
    ({"where": "city~ric"}, [1]),
    ({"where": "quick=true"}, [2]),
    ({"where": "a/b=c~d"}, [2]),
    ({"where": "service.name=till"}, [1]),
    ({"q": "payment", "severity": "error"}, [1]),
]


@pytest.mark.parametrize(("question", "numbers"), QUESTIONS, ids=lambda value: str(value))
async def test_records_are_found_by_what_they_say(
    world: World, ask: Ask, question: dict[str, str], numbers: list[int]
) -> None:
    await world.stored(Batch(logs=RECORDS, resources=[SENDER]))

    found = bodies(await ask("/logs", **question))

    assert found == [RECORDS[number - 1].body for number in numbers]


@pytest.mark.parametrize(("question", "numbers"), QUESTIONS, ids=lambda value: str(value))
def test_the_tail_means_the_same_records(question: dict[str, str], numbers: list[int]) -> None:
    named = {name: value for name, value in question.items() if name != "where"}
    wanted = asked(named, [question["where"]] if "where" in question else [], None)

    assert [number for number in (4, 3, 2, 1) if wanted.holds(RECORDS[number - 1])] == numbers


async def test_records_are_found_by_what_their_sender_is(world: World, ask: Ask) -> None:
    await world.stored(Batch(logs=RECORDS, resources=[SENDER]))

    assert bodies(await ask("/logs", where="host.name=h1")) == ["payment was not refused"]
    assert len(bodies(await ask("/logs", where="host.name!=h1"))) == 3


@pytest.mark.parametrize(
    "question",
    [{"severity": "loud"}, {"severity": "99"}, {"trace_id": "7"}, {"where": "=x"}, {"where": "n>=5"}, {"limit": "0"},
     {"limit": "many"}, {"cursor": "x"}, {"start": "soon"}, {"q": "w " * 11}, {"start": "9", "end": "8"}],
)  # fmt: skip
async def test_a_question_that_makes_no_sense_is_refused(ask: Ask, question: dict[str, str]) -> None:
    answer = await ask("/logs", **question)

    assert (answer["status"], answer["code"]) == (422, "bad_query")


async def test_a_project_sees_its_own_records_alone(world: World, ask: Ask) -> None:
    trace = f"{7:032x}"
    rows = [log(1, project="a", trace_id=trace), log(2, project="b", trace_id=trace), log(3, trace_id=trace)]
    await world.stored(Batch(logs=rows))

    assert bodies(await ask("/logs", project="a")) == ["said 1"]
    assert bodies(await ask(f"/traces/{trace}/logs", project="b", around=3600)) == ["said 2"]
    assert bodies(await ask("/logs", project="a", own=True)) == ["said 3", "said 1"]
    counted = await ask("/logs/histogram", project="a")
    assert sum(item["total"] for item in counted["items"]) == 1
    assert (await ask(f"/traces/{trace}/logs", project="c"))["code"] == "trace_not_found"


async def test_the_histogram_counts_by_time_and_severity_with_empty_buckets(world: World, ask: Ask) -> None:
    await world.stored(Batch(logs=[log(0, severity=0), log(1, severity=17), log(2, severity=24), log(125, severity=9)]))

    told = await ask("/logs/histogram")

    items = told["items"]
    assert (told["bucket_seconds"], told["cut"]) == (60, None)
    assert [items[0][level] for level in ("total", "none", "error", "fatal")] == [3, 1, 1, 1]
    assert [item["total"] for item in items[:4]] == [3, 0, 1, 0]
    assert len(items) in (60, 61)  # NOON need not be at the beginning of a bucket


@pytest.mark.parametrize(
    ("seconds", "size"), [(1, 1), (100, 1), (101, 2), (3600, 60), (86_400, 900), (10**8, 1_036_800)]
)
def test_the_size_of_a_bucket_is_round_and_gives_a_hundred_at_most(seconds: int, size: int) -> None:
    assert HistogramQuery(asked({}, [], None), 0, seconds * SECOND).bucket_seconds == size


async def test_the_logs_of_a_trace_are_those_with_its_id_or_also_what_its_services_said(world: World, ask: Ask) -> None:
    trace = f"{7:032x}"
    spans = [span(100, trace_id=trace, service="shop"), span(101, trace_id=trace, service="till")]
    rows = [log(100, body="in", trace_id=trace), log(101, body="beside", service="till"), log(102, service="other"),
            log(90, body="before"), log(2000, body="much later")]  # fmt: skip
    await world.stored(Batch(spans=spans, logs=rows))

    assert bodies(await ask(f"/traces/{trace}/logs")) == ["in"]
    assert bodies(await ask(f"/traces/{trace}/logs", around=1)) == ["beside", "in"]
    assert bodies(await ask(f"/traces/{trace}/logs", around=30)) == ["beside", "in", "before"]
    assert bodies(await ask(f"/traces/{trace}/logs", around=30, q="before")) == ["before"]


@pytest.mark.parametrize("around", ["-1", "3601", "nan", "x"])
async def test_a_time_around_a_trace_that_makes_no_sense_is_refused(ask: Ask, around: str) -> None:
    assert (await ask(f"/traces/{7:032x}/logs", around=around))["code"] == "bad_query"


async def test_a_search_that_runs_out_of_time_gives_what_it_found_and_where_to_go_on(world: World) -> None:
    await world.stored(Batch(logs=[log(0), log(3599)]))
    query = LogQuery(asked({}, [], None), NOON, NOON + 3600 * SECOND, 10)

    none = await world.store.read(partial(list_logs, query=query, seconds=0.0))
    rest = await world.store.read(partial(list_logs, query=query.after(none.next or ""), seconds=10.0))

    assert none.items == []
    assert "took too long" in (none.cut or "")
    assert [item.body for item in rest.items] == ["said 3599", "said 0"]
    assert rest.cut is None


async def test_a_histogram_that_runs_out_of_time_says_so(world: World) -> None:
    query = HistogramQuery(asked({}, [], None), NOON, NOON + 3600 * SECOND)

    told = await world.store.read(partial(histogram, query=query, seconds=0.0))

    assert told.items == []
    assert "too long" in (told.cut or "")
