"""`python -m tools.drills.hostile`: what no sender should send, to a whole Lumina.

A trace of 50,000 spans, a span of 10,000 attributes, clocks that are wrong by a day, ids that come twice, and bodies
that are no export request. Each is answered as documented; the telemetry process lives on, and its memory is bounded.
"""

import asyncio
import gzip
import secrets
import sys
import time
from collections.abc import Iterator
from typing import Any

import uvloop
from aiohttp import ClientSession

from tools.drills.growth import pss_kib
from tools.drills.kept import keep
from tools.drills.otlp import made, opened, request
from tools.drills.shown import shown
from tools.drills.world import asked, pids
from tools.running import Running, lumina

TRACE_SPANS, BATCH, DEEP, PAGE = 50_000, 1_000, 2_000, 1_000
ATTRIBUTES, KEPT_ATTRIBUTES = 10_000, 256
DAY_SECONDS = 86_400
BOMB_BYTES = 2**30
DEPTH = 10_000
SHOWN_SPANS = 10_000  # of the trace by the command line; without --limit it shows 500
PAGE_SECONDS, SHOW_SECONDS, SHOW_MIB, GROWN_MIB = 3.0, 20.0, 256, 300
FLUSHED_SECONDS = 2.5
PROTOBUF, JSON = "application/x-protobuf", "application/json"
Told = dict[str, Any]


def main() -> int:
    with lumina() as running:
        findings, told = uvloop.run(_drill(running))
    print("\n".join(f"{name}: {value}" for name, value in told.items()))
    print(f"Kept in {keep('hostile', told)}.")
    print("\n".join(f"FAILED: {finding}" for finding in findings) or "All of it was answered as documented.")
    return 1 if findings else 0


async def _drill(running: Running) -> tuple[list[str], Told]:
    pid, told, findings = pids(running)["telemetry"], {}, list[str]()
    told["pss_mib_before"] = pss_kib(pid) >> 10
    async with opened(running) as session:
        for step in (_large_trace, _large_span, _wrong_clocks, _repeated, _no_requests):
            findings += await step(running, session, told)
    if pids(running)["telemetry"] != pid:
        return [*findings, "the telemetry process did not live on"], told
    told["pss_mib_after"] = pss_kib(pid) >> 10
    if told["pss_mib_after"] - told["pss_mib_before"] > GROWN_MIB:
        findings.append(f"the telemetry process grew by more than {GROWN_MIB} MiB")
    return findings, told


async def _large_trace(running: Running, session: ClientSession, told: Told) -> list[str]:
    trace, began = secrets.token_bytes(16), time.monotonic()
    for body in _large(trace):
        if (status := await _post(session, body)) != 200:
            return [f"a part of the large trace was answered {status}"]
    told["large_trace_sent_seconds"] = round(time.monotonic() - began, 2)
    await asyncio.sleep(FLUSHED_SECONDS)
    spans, slowest = await _pages(running, trace)
    row = (await asked(running, "GET", "/api/telemetry/traces?service=large"))["items"]
    show = await asyncio.to_thread(shown, running, trace.hex(), SHOWN_SPANS)
    told |= {"large_trace_spans": spans, "slowest_page_ms": round(slowest * 1000)}
    told |= {"show_seconds": round(show.seconds, 1), "show_mib": show.mib, "show_lines": show.lines}
    checks = {
        f"{spans} of {TRACE_SPANS} spans were on the pages": spans == TRACE_SPANS,
        f"the list tells {[item['spans'] for item in row]}": [item["spans"] for item in row] == [TRACE_SPANS],
        f"a page took {slowest:.1f} s": slowest <= PAGE_SECONDS,
        f"`lumina traces show` took {show.seconds:.0f} s": show.seconds <= SHOW_SECONDS,
        f"`lumina traces show` took {show.mib} MiB": show.mib <= SHOW_MIB,
        f"`lumina traces show` told {show.lines} lines": SHOWN_SPANS <= show.lines <= SHOWN_SPANS + 10,
    }
    return _failed(checks)


def _large(trace: bytes) -> Iterator[bytes]:
    """A chain that is deep, and all others beside each other under the root."""
    now = time.time_ns()
    for first in range(1, TRACE_SPANS + 1, BATCH):
        numbers = range(first, first + BATCH)
        parents = (number - 1 if number <= DEEP else 1 for number in numbers)
        pairs = zip(numbers, parents, strict=True)
        yield request([made(trace, number, parent, start_ns=now + number) for number, parent in pairs], "large")


async def _pages(running: Running, trace: bytes) -> tuple[int, float]:
    """Different spans on all pages, and the seconds of the slowest page."""
    seen, slowest, cursor = set[str](), 0.0, ""
    while True:
        began = time.monotonic()
        path = f"/api/telemetry/traces/{trace.hex()}?limit={PAGE}{cursor and f'&cursor={cursor}'}"
        page = await asked(running, "GET", path)
        slowest = max(slowest, time.monotonic() - began)
        seen |= {item["span"]["span_id"] for item in page["items"]}
        if page["next"] is None:
            return len(seen), slowest
        cursor = page["next"]


async def _large_span(running: Running, session: ClientSession, told: Told) -> list[str]:
    trace = secrets.token_bytes(16)
    span = made(trace, 1)
    for number in range(ATTRIBUTES):
        span.attributes.add(key=f"drill.{number}").value.string_value = "x" * 100
    status = await _post(session, request([span], "wide"))
    await asyncio.sleep(FLUSHED_SECONDS)
    (item,) = (await _trace(running, trace))["items"]
    kept = len(item["span"]["attributes"])
    told["attributes_kept"] = kept
    return _failed(
        {f"a large span was answered {status}, {kept} attributes kept": status == 200 and kept <= KEPT_ATTRIBUTES + 1}
    )


async def _wrong_clocks(running: Running, session: ClientSession, told: Told) -> list[str]:
    now, day = time.time_ns(), DAY_SECONDS * 10**9
    ahead, behind = secrets.token_bytes(16), secrets.token_bytes(16)
    spans = [made(ahead, 1, start_ns=now + day), made(behind, 1, start_ns=now - day)]
    status = await _post(session, request(spans, "clocks"))
    await asyncio.sleep(FLUSHED_SECONDS)
    path = "/api/telemetry/traces?service=clocks"
    hour = [item["trace_id"] for item in (await asked(running, "GET", path))["items"]]
    since = f"{path}&start={time.time() - 2 * DAY_SECONDS:.0f}"
    days = [item["trace_id"] for item in (await asked(running, "GET", since))["items"]]
    told["clocks_in_the_hour"], told["clocks_in_two_days"] = len(hour), len(days)
    right = status == 200 and hour == [ahead.hex()] and days == [ahead.hex(), behind.hex()]
    return _failed({f"spans with wrong clocks: {status}, {hour}, {days}": right})


async def _repeated(running: Running, session: ClientSession, told: Told) -> list[str]:
    one, other = secrets.token_bytes(16), secrets.token_bytes(16)
    now = time.time_ns()
    same = request([made(one, 1, start_ns=now)], "twice")
    longer = request([made(one, 1, start_ns=now, duration_ns=10**9)], "twice")
    statuses = [await _post(session, body) for body in (same, same, longer, request([made(other, 1)], "twice"))]
    await asyncio.sleep(FLUSHED_SECONDS)
    first, second = await _trace(running, one), await _trace(running, other)
    seen = (first["spans"], first["duplicates"], first["duration_ms"], second["spans"], second["duplicates"])
    told["repeated"] = seen
    return _failed(
        {f"spans that came twice: {statuses}, {seen}": seen == (1, 1, 1000.0, 1, 0) and set(statuses) == {200}}
    )


async def _no_requests(running: Running, session: ClientSession, told: Told) -> list[str]:
    packed = await asyncio.to_thread(gzip.compress, bytes(BOMB_BYTES), 9)
    whole = gzip.compress(request([made(secrets.token_bytes(16), 1)], "none"))
    nested = b'{"resourceSpans":' + b'[{"a":' * DEPTH + b"1" + b"}]" * DEPTH + b"}"
    cases = {
        "garbage": (400, secrets.token_bytes(5000), PROTOBUF, ""),
        "truncated gzip": (400, whole[:-20], PROTOBUF, "gzip"),
        "no gzip": (400, b"no gzip", PROTOBUF, "gzip"),
        "zip bomb": (413, packed, PROTOBUF, "gzip"),
        "zip bomb of JSON": (413, packed, JSON, "gzip"),
        "deep JSON": (400, b"[" * DEPTH + b"]" * DEPTH, JSON, ""),
        "deep JSON in a request": (400, nested, JSON, ""),
        "JSON of another kind": (400, b'{"resourceSpans": 5}', JSON, ""),
        "a page": (415, b"<html>", "text/html", ""),
    }
    answers = {name: await _post(session, *case[1:]) for name, case in cases.items()}
    told["answers"] = answers
    return _failed({f"{name} was answered {answers[name]}": answers[name] == cases[name][0] for name in cases})


def _failed(checks: dict[str, bool]) -> list[str]:
    return [finding for finding, holds in checks.items() if not holds]


async def _trace(running: Running, trace: bytes) -> Told:
    return dict(await asked(running, "GET", f"/api/telemetry/traces/{trace.hex()}"))


async def _post(session: ClientSession, body: bytes, media: str = PROTOBUF, encoding: str = "") -> int:
    headers = {"Content-Type": media} | ({"Content-Encoding": encoding} if encoding else {})
    async with session.post("/otlp/v1/traces", data=body, headers=headers) as answer:
        await answer.read()
        return answer.status


if __name__ == "__main__":
    sys.exit(main())
