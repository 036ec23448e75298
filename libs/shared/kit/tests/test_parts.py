"""The client of the control socket, against a small server that speaks its wire format."""

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lumina_kit.parts import PartsClient, PartStatus, PartUnavailable, SupervisorUnreachable

READY = PartStatus("gateway", "ready", 17, 2, datetime(2026, 11, 20, tzinfo=UTC), 1024)


@asynccontextmanager
async def supervisor(answer: dict[str, Any] | None) -> AsyncIterator[tuple[PartsClient, list[dict[str, str]]]]:
    """A server that notes each request and gives one answer, or hangs up."""
    asked: list[dict[str, str]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(json.loads(await reader.readline()))
        if answer is not None:
            writer.write(json.dumps(answer).encode() + b"\n")
        writer.close()

    with tempfile.TemporaryDirectory(prefix="lumina-") as folder:
        server = await asyncio.start_unix_server(serve, Path(folder) / "supervisor.sock")
        async with server:
            yield PartsClient(Path(folder)), asked


@pytest.mark.asyncio
async def test_status_gives_every_part_as_it_was_sent() -> None:
    async with supervisor({"ok": True, "parts": [READY.to_json()]}) as (client, asked):
        assert await client.status() == [READY]

    assert asked == [{"op": "status"}]


@pytest.mark.asyncio
@pytest.mark.parametrize("op", ["start", "stop", "restart"])
async def test_a_verb_names_its_part(op: str) -> None:
    async with supervisor({"ok": True}) as (client, asked):
        await getattr(client, op)("embedded")

    assert asked == [{"op": op, "part": "embedded"}]


@pytest.mark.asyncio
async def test_a_refusal_carries_the_supervisors_reason() -> None:
    async with supervisor({"ok": False, "error": "There is no part 'x'."}) as (client, _):
        with pytest.raises(PartUnavailable, match="There is no part 'x'"):
            await client.start("x")


@pytest.mark.asyncio
async def test_a_supervisor_that_hangs_up_is_unreachable() -> None:
    async with supervisor(None) as (client, _):
        with pytest.raises(SupervisorUnreachable):
            await client.status()


@pytest.mark.asyncio
async def test_no_supervisor_is_unreachable_and_the_next_step_starts_one(tmp_path: Path) -> None:
    with pytest.raises(SupervisorUnreachable) as caught:
        await PartsClient(tmp_path).status()

    assert caught.value.next_step == "Start Lumina with `lumina up`."
