"""What is said in projects that capture reaches control; nothing is said of the others, and no answer waits for it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from msgspec.structs import replace

from apps.inference.tests.gateway_world import (
    KEYS,
    STREAM,
    Answerer,
    Control,
    Running,
    backend,
    chat_body,
    gateway,
    plain_chat,
    provider,
    serving_control,
    snapshot,
    streaming,
)
from lumina_contracts.snapshot import KeysPart, Snapshot, sealed

CHAT = "/v1/chat/completions"
BODY: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "what ana asked"}]}


class Desk(Control):
    """A control plane that takes content, or fails at it."""

    def __init__(self, first: Snapshot) -> None:
        super().__init__(first)
        self.records: list[dict[str, Any]] = []
        self.arrived = asyncio.Event()
        self.status = 200

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path != "/content":
            return await super().handle(request)
        batch = json.loads(await request.read())["records"]
        if self.status == 200:
            self.records += batch
        self.arrived.set()
        return web.json_response({"kept": len(batch)}, status=self.status)

    async def taken(self, count: int = 2) -> dict[str, dict[str, Any]]:
        """The records by kind, once so many have come."""
        async with asyncio.timeout(10):
            while len(self.records) < count:
                self.arrived.clear()
                await self.arrived.wait()
        return {record["kind"]: record for record in self.records}


@asynccontextmanager
async def capturing(answer: Answerer = plain_chat, **limits: Any) -> AsyncIterator[tuple[Running, Desk]]:
    """A gateway whose project captures, in front of one provider."""
    async with provider(answer) as upstream, gateway_of(backend(upstream.url), ("p1",), **limits) as found:
        yield found


@asynccontextmanager
async def gateway_of(to: Any, projects: tuple[str, ...], **limits: Any) -> AsyncIterator[tuple[Running, Desk]]:
    plain = snapshot(to)
    first = sealed(plain.routes, KeysPart(keys=KEYS, captures=projects))
    desk = Desk(first)
    async with gateway(first, control_up=False, **limits) as running, serving_control(desk, running.run_dir):
        await running.gateway.snapshots.wait_until(running.gateway.health.can_serve)
        yield running, desk


async def test_request_and_answer_reach_control_with_what_they_belong_to() -> None:
    async with capturing() as (running, desk):
        _, answer, headers = await running.post(CHAT, BODY, x_request_id="req-1")
        records = await desk.taken()

    assert (json.loads(records["request"]["body"]), json.loads(records["answer"]["body"])) == (BODY, answer)
    for record in records.values():
        assert record["trace_id"] == headers["x-lumina-trace-id"]
        told = {name: record[name] for name in ("project", "key_id", "route", "model", "request_id", "status")}
        assert told == {
            "project": "p1",
            "key_id": "k1",
            "route": "m",
            "model": "m",
            "request_id": "req-1",
            "status": 200,
        }


async def test_events_of_a_stream_are_one_answer() -> None:
    async with capturing(streaming(*STREAM)) as (running, desk):
        _, answer, _ = await running.post(CHAT, BODY | {"stream": True})
        records = await desk.taken()

    assert "hel" in answer
    assert records["answer"]["body"] == answer


async def test_stream_that_breaks_is_kept_as_far_as_it_came() -> None:
    async with capturing(streaming(*STREAM[:1], cut=True)) as (running, desk):
        _, answer, _ = await running.post(CHAT, BODY | {"stream": True})
        records = await desk.taken()

    assert records["answer"]["body"] == answer
    assert "error" in records["answer"]["body"]


@pytest.mark.parametrize(
    ("body", "model"), [(b'{"model": "m", "messages": "what ana asked', "unknown"), (BODY | {"model": "no"}, "unknown")]
)
async def test_refused_requests_are_kept_with_their_errors(body: Any, model: str) -> None:
    async with capturing() as (running, desk):
        status, answer, _ = await running.post(CHAT, body)
        records = await desk.taken()

    sent = body.decode() if isinstance(body, bytes) else json.dumps(body)
    assert (records["request"]["body"], json.loads(records["answer"]["body"])) == (sent, answer)
    assert {(record["status"], record["model"]) for record in records.values()} == {(status, model)}


async def test_nothing_is_kept_of_a_project_that_does_not_capture() -> None:
    async with provider(plain_chat) as upstream, gateway_of(backend(upstream.url), ("p2",)) as (running, desk):
        await running.post(CHAT, BODY)
        other = replace(KEYS[1], project_id="p2")
        await desk.put(sealed(snapshot(backend(upstream.url)).routes, KeysPart(keys=(other,), captures=("p2",))))
        await running.gateway.snapshots.wait_until(lambda: len(running.gateway.snapshots.current.callers) == 1)  # type: ignore[union-attr]  # it has one
        await running.post(CHAT, BODY)
        records = await desk.taken()

    assert len(desk.records) == 2
    assert {record["project"] for record in records.values()} == {"p2"}


async def test_what_is_too_long_is_cut_and_says_so() -> None:
    async def long(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        return web.json_response(chat_body("x" * 5000))

    async with capturing(long, content_record_bytes=100) as (running, desk):
        await running.post(CHAT, BODY)
        records = await desk.taken()

    assert {kind: record.get("cut", False) for kind, record in records.items()} == {"request": False, "answer": True}
    assert len(records["answer"]["body"]) == 100
    assert records["answer"]["size_bytes"] > 5000


async def test_without_room_content_is_dropped_and_counted_and_the_answer_comes() -> None:
    async with capturing(content_queue_bytes=1) as (running, desk):
        status, _, _ = await running.post(CHAT, BODY)
        await desk.taken(1)

        assert (status, await dropped(running, "queue_full")) == (200, 1)
        assert desk.records[0]["cut"]


@pytest.mark.parametrize("status", [400, 503])
async def test_content_that_control_does_not_take_is_dropped_and_counted(status: int) -> None:
    async with capturing(content_queue_bytes=2000) as (running, desk):
        desk.status = status
        for _ in range(3):  # each finds the room that the one before has given back
            desk.arrived.clear()
            assert (await running.post(CHAT, BODY))[0] == 200
            await desk.arrived.wait()
        lost = 0.0
        while lost < 6:
            lost = await dropped(running, "control_unavailable")

    assert desk.records == []


async def test_answers_come_while_control_is_away() -> None:
    async with provider(plain_chat) as upstream, gateway_of(backend(upstream.url), ("p1",)) as (running, _):
        (running.run_dir / "control.sock").unlink()

        statuses = [(await running.post(CHAT, BODY))[0] for _ in range(3)]
        lost = 0.0
        while lost < 6:
            lost = await dropped(running, "control_unavailable")

    assert statuses == [200] * 3


async def dropped(running: Running, reason: str) -> float:
    _, text, _ = await running.get("/metrics", api_key="lk-metrics-0123456789")
    name = f'lumina_gateway_content_dropped_total{{reason="{reason}"'
    return sum(float(line.rpartition(" ")[2]) for line in str(text).splitlines() if line.startswith(name))
