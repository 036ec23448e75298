"""The snapshot: arrives whole, is swapped whole, survives without control, and is sealed where it rests."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from msgspec import json

from apps.inference.tests.gateway_world import (
    ADMIN_KEY,
    BACKEND_KEY,
    KEYS,
    MASTER,
    USER_KEY,
    Running,
    backend,
    gateway,
    plain_chat,
    provider,
    snapshot,
)
from lumina_inference.gateway.vault import Vault
from lumina_kit.home import Home

BODY: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


async def taken(running: Running, version: str) -> None:
    async with asyncio.timeout(5):
        await running.gateway.snapshots.wait_until(lambda: current(running) == version)


def current(running: Running) -> str | None:
    index = running.gateway.snapshots.current
    return index.snapshot.version if index else None


async def test_revoked_key_is_refused_as_soon_as_the_new_snapshot_is_there() -> None:
    without = snapshot(keys=tuple(entry for entry in KEYS if entry.id != "k1"))
    async with gateway(snapshot()) as running:
        before, _, _ = await running.get("/v1/models")
        await running.control.put(without)
        await taken(running, without.version)
        after, error, _ = await running.get("/v1/models")

    assert (before, after, error["error"]["code"]) == (200, 401, "invalid_api_key")


async def test_request_in_flight_ends_on_the_snapshot_that_it_began_with() -> None:
    entered, release = asyncio.Event(), asyncio.Event()

    async def answer(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        entered.set()
        await release.wait()
        return await plain_chat(request, body)

    empty = snapshot()
    async with provider(answer) as upstream, gateway(snapshot(backend(upstream.url))) as running:
        asking = asyncio.create_task(running.post("/v1/chat/completions", BODY))
        await entered.wait()
        await running.control.put(empty)
        await taken(running, empty.version)
        later, _, _ = await running.post("/v1/chat/completions", BODY)
        release.set()
        first, _, _ = await asking

    assert (first, later) == (200, 404)


async def test_gateway_starts_from_the_kept_snapshot_when_control_is_down(tmp_path: Path) -> None:
    async with provider(plain_chat) as upstream:
        kept = snapshot(backend(upstream.url))
        async with gateway(kept, folder=tmp_path) as running:
            await taken(running, kept.version)
            await running.gateway.snapshots.wait_until((tmp_path / "gateway" / "snapshot.sealed").exists)
        async with gateway(kept, folder=tmp_path, control_up=False) as running:
            status, _, _ = await running.post("/v1/chat/completions", BODY)
            ready, state, _ = await running.get("/readyz", api_key="")

    assert (status, ready, state["status"]) == (200, 200, "degraded")
    assert state["parts"]["control"] == "unreachable"


async def test_kept_snapshot_that_control_still_has_is_confirmed_and_not_sent_again(tmp_path: Path) -> None:
    kept = snapshot()
    async with gateway(kept, folder=tmp_path):
        pass
    async with gateway(kept, folder=tmp_path) as running:
        await running.gateway.snapshots.wait_until(lambda: running.gateway.snapshots.control_up)
        ready, state, _ = await running.get("/readyz", api_key="")

    assert running.control.asked[0] == kept.version
    assert (ready, state["status"]) == (200, "ready")


@pytest.mark.parametrize(
    "broken",
    [
        {"body": b"{"},
        {"body": b'{"version": 1}'},
        {"body": json.encode(snapshot(backend("http://a\\b/v1")))},
        {"status": 204},
        {"status": 302, "headers": {"Location": "/snapshot"}},
        {"status": 500},
    ],
    ids=["no JSON", "no snapshot", "no address", "empty", "elsewhere", "failed"],
)
async def test_control_that_sends_no_snapshot_is_asked_again_and_the_last_one_serves(broken: Any) -> None:
    second, third = snapshot(backend("http://127.0.0.1:9/v1")), snapshot(backend("http://127.0.0.1:10/v1"))
    async with gateway(snapshot()) as running, asyncio.timeout(10):
        asked = running.control.asked
        await running.gateway.snapshots.wait_until(lambda: len(asked) == 2)  # the second is waiting now
        running.control.broken = lambda: web.Response(**broken)
        await running.control.put(second)
        await running.gateway.snapshots.wait_until(lambda: len(asked) >= 5)
        served, state, _ = await running.get("/readyz", api_key="")
        running.control.broken = None
        await running.control.put(third)
        await taken(running, third.version)

    assert (served, state["parts"]["control"]) == (200, "unreachable")
    assert asked[2:5] == [second.version] * 3


async def test_kept_snapshot_of_another_shape_is_no_reason_not_to_start(tmp_path: Path) -> None:
    await Vault(Home(tmp_path), MASTER).write(b'{"version": 1}')
    async with gateway(snapshot(), folder=tmp_path) as running:
        status, _, _ = await running.get("/v1/models")

    assert status == 200


async def test_kept_snapshot_is_private_and_tells_no_secret(tmp_path: Path) -> None:
    async with gateway(snapshot(backend("http://127.0.0.1:9/v1")), folder=tmp_path) as running:
        file = tmp_path / "gateway" / "snapshot.sealed"
        await running.gateway.snapshots.wait_until(file.exists)
        content = file.read_bytes()

    assert file.stat().st_mode & 0o777 == 0o600
    for secret in (BACKEND_KEY, USER_KEY, ADMIN_KEY, "served-model"):
        assert secret.encode() not in content


async def test_damaged_kept_snapshot_is_no_reason_not_to_start(tmp_path: Path) -> None:
    (tmp_path / "gateway").mkdir()
    (tmp_path / "gateway" / "snapshot.sealed").write_bytes(b"x" * 100)
    async with gateway(snapshot(), folder=tmp_path) as running:
        status, _, _ = await running.get("/v1/models")

    assert status == 200


async def test_without_a_snapshot_nothing_is_served_but_the_process_lives() -> None:
    async with gateway(snapshot(), control_up=False) as running:
        ready, state, _ = await running.get("/readyz", api_key="")
        alias, _, _ = await running.get("/health", api_key="")
        alive, _, _ = await running.get("/healthz", api_key="")
        asked, error, headers = await running.post("/v1/chat/completions", BODY)

    assert (ready, state["status"], alias, alive) == (503, "starting", 503, 200)
    assert (asked, error["error"]["code"], headers["retry-after"]) == (503, "not_ready", "1")


async def test_snapshot_that_does_not_know_the_admin_key_is_not_ready_yet() -> None:
    async with gateway(snapshot()) as running:
        before, state, _ = await running.get("/readyz", api_key="")
        running.home.admin_key_file.write_text("lk-made-anew\n")
        after, _, _ = await running.get("/readyz", api_key="")

    assert (before, state["status"], after) == (200, "ready", 503)


async def test_unchanged_snapshot_is_waited_for_and_not_asked_for_again_and_again() -> None:
    first = snapshot()
    async with gateway(first) as running:
        await running.gateway.snapshots.wait_until(lambda: len(running.control.asked) > 1)
        for _ in range(5):
            await running.get("/v1/models")

    assert running.control.asked == ["", first.version]
