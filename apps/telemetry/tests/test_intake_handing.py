import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from aiohttp import web

from lumina_contracts.content import ContentBatch, ContentRecord
from lumina_telemetry.intake.handing import Handing
from lumina_telemetry.measures import Measures


def record(body: str) -> ContentRecord:
    return ContentRecord(
        project="p",
        trace_id="ab" * 16,
        span_id="cd" * 8,
        at_ns=1,
        source="otlp",
        kind="attributes",
        body=msgspec.Raw(json.dumps({"input.value": body}).encode()),
    )


@dataclass
class Control:
    """Control's socket, which answers with what is left of its script, then 200."""

    script: list[int] = field(default_factory=list)
    got: asyncio.Queue[list[str]] = field(default_factory=asyncio.Queue)

    async def take(self, request: web.Request) -> web.Response:
        batch = msgspec.json.decode(await request.read(), type=ContentBatch)
        await self.got.put([json.loads(bytes(one.body))["input.value"] for one in batch.records])
        return web.Response(status=self.script.pop(0) if self.script else 200)


@asynccontextmanager
async def serving(control: Control, socket: Path) -> AsyncIterator[None]:
    app = web.Application(client_max_size=2**24)
    app.router.add_post("/content", control.take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.UnixSite(runner, str(socket)).start()
    try:
        yield
    finally:
        await runner.cleanup()


@asynccontextmanager
async def handing(socket: Path) -> AsyncIterator[tuple[Handing, Measures]]:
    measures = Measures()
    handing = Handing(socket, measures)
    task = asyncio.create_task(handing.run())
    try:
        yield handing, measures
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def dropped(measures: Measures, reason: str) -> float:
    labels = {"signal": "content", "reason": reason}
    return measures.registry.get_sample_value("lumina_telemetry_dropped_total", labels) or 0.0


async def test_content_reaches_control_in_one_request(tmp_path: Path) -> None:
    control, socket = Control(), tmp_path / "control.sock"
    async with serving(control, socket), handing(socket) as (hand, _):
        hand([record("one"), record("two")])

        assert await control.got.get() == ["one", "two"]


async def test_content_waits_for_a_control_that_is_away(tmp_path: Path) -> None:
    control, socket = Control(), tmp_path / "control.sock"
    async with handing(socket) as (hand, measures):
        hand([record("one")])
        await asyncio.sleep(0.05)
        async with serving(control, socket):
            assert await control.got.get() == ["one"]

    assert dropped(measures, "refused") == 0


async def test_what_control_refuses_is_counted(tmp_path: Path) -> None:
    control, socket = Control([400]), tmp_path / "control.sock"
    async with serving(control, socket), handing(socket) as (hand, measures):
        hand([record("one")])
        assert await control.got.get() == ["one"]
        hand([record("two")])
        assert await control.got.get() == ["two"]

    assert dropped(measures, "refused") == 1


async def test_full_queue_drops_and_counts(tmp_path: Path) -> None:
    async with handing(tmp_path / "control.sock") as (hand, measures):
        hand(record("x" * 2**20) for _ in range(20))

    assert dropped(measures, "queue_full") == 5


async def test_large_batches_are_split(tmp_path: Path) -> None:
    control, socket = Control(), tmp_path / "control.sock"
    async with serving(control, socket), handing(socket) as (hand, _):
        hand(record("x" * 2**20) for _ in range(10))

        assert [len(await control.got.get()) for _ in range(2)] == [7, 3]
