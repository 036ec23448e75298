"""What the gateway tells of itself: health for LiteLLM's probes, state and metrics over all of its processes."""

import asyncio
import re
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from apps.inference.tests.gateway_world import (
    ADMIN_KEY,
    BACKEND_KEY,
    MASTER,
    METRICS_KEY,
    STREAM,
    USER_KEY,
    Running,
    backend,
    gateway,
    key,
    plain_chat,
    provider,
    snapshot,
    streaming,
)
from lumina_contracts.snapshot import KeysPart, Limits, ProjectEntry, RoutesPart, sealed
from lumina_inference.gateway import views
from lumina_inference.gateway.index import index
from lumina_inference.gateway.siblings import socket_of
from lumina_inference.gateway.vault import Vault
from lumina_kit.home import Home

BODY: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}

OPENMETRICS = "application/openmetrics-text; version=1.0.0"


@asynccontextmanager
async def two_processes(folder: Path, url: str) -> AsyncIterator[tuple[Running, Running]]:
    """Two gateways that share a run folder, and control with it, as on one public socket."""
    first = snapshot(backend(url))
    async with (
        gateway(first, folder=folder, siblings=("gateway-2",)) as one,
        gateway(first, folder=folder, control_up=False, instance="gateway-2", siblings=("gateway",)) as two,
    ):
        await two.gateway.snapshots.wait_until(two.gateway.health.can_serve)
        yield one, two


def served_by(process: str) -> str:
    labels = f'http_response_status_code="200",lumina_process="{process}",lumina_route="m"'
    return f"lumina_gateway_requests_total{{{labels}}}"


async def measured(running: Running) -> dict[str, float]:
    """The series of /metrics."""
    _, text, _ = await running.get("/metrics", api_key=METRICS_KEY)
    lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return {series: float(value) for series, _, value in lines}


async def test_litellm_probes_get_the_bodies_that_they_look_for() -> None:
    async with gateway(snapshot()) as running:
        alive = [await running.get(path, api_key="") for path in ("/health/liveliness", "/health/liveness")]
        ready, told, _ = await running.get("/health/readiness", api_key="")

    assert [(status, body) for status, body, _ in alive] == [(200, "I'm alive!")] * 2
    assert (ready, told) == (200, {"status": "healthy", "db": "connected"})


async def test_litellm_readiness_tells_of_no_configuration_and_of_control_being_down(tmp_path: Path) -> None:
    async with gateway(snapshot(), control_up=False) as running:
        unready, starting, _ = await running.get("/health/readiness", api_key="")
    async with gateway(snapshot(), folder=tmp_path) as running:
        await running.gateway.snapshots.wait_until((tmp_path / "gateway" / "snapshot.sealed").exists)
    async with gateway(snapshot(), folder=tmp_path, control_up=False) as running:
        ready, degraded, _ = await running.get("/health/readiness", api_key="")

    assert (unready, starting) == (503, {"status": "starting", "db": "disconnected"})
    assert (ready, degraded) == (200, {"status": "healthy", "db": "disconnected"})


async def test_state_tells_process_routes_and_backends_and_no_address_or_secret() -> None:
    async with provider(plain_chat) as upstream, gateway(snapshot(backend(upstream.url))) as running:
        status, state, _ = await running.get("/lumina/state", api_key=METRICS_KEY)
        version = running.gateway.snapshots.current

    assert (status, state["version"], state["silent"]) == (200, 1, [])
    [process] = state["processes"]
    assert process["instance"] == "gateway"
    assert process["control_up"] is True
    assert version is not None
    assert process["snapshot_version"] == version.snapshot.version
    [route] = state["routes"]
    assert (route["name"], route["backends"][0]["id"], route["backends"][0]["state"]) == ("m", "b1", "closed")
    assert upstream.url not in str(state)
    assert BACKEND_KEY not in str(state)


async def test_state_tells_what_a_backend_did_and_what_it_cost() -> None:
    priced = {"input_nano_usd_per_token": 100.0, "output_nano_usd_per_token": 1000.0}
    async with (
        provider(streaming(*STREAM)) as upstream,
        gateway(snapshot(backend(upstream.url, **priced))) as running,
    ):
        await running.post("/v1/chat/completions", BODY | {"stream": True})
        _, state, _ = await running.get("/lumina/state", api_key=METRICS_KEY)

    [found] = state["routes"][0]["backends"]
    assert (found["requests"], found["errors"], found["in_flight"]) == (1, {}, 0)
    assert (found["input_tokens"], found["output_tokens"], found["spend_nano_usd"]) == (7, 2, 2700)
    assert 0 < found["first_token_p50_seconds"] <= found["p99_seconds"] * 1.1


async def test_state_tells_failures_by_kind_and_the_circuit_that_they_opened() -> None:
    async def limited(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        return web.json_response({"error": {"message": "slow down"}}, status=429, headers={"retry-after": "50"})

    async with provider(limited) as upstream, gateway(snapshot(backend(upstream.url))) as running:
        await running.post("/v1/chat/completions", BODY)
        _, state, _ = await running.get("/lumina/state", api_key=METRICS_KEY)

    [found] = state["routes"][0]["backends"]
    assert (found["state"], found["reason"], found["errors"]) == ("open", "rate_limited", {"rate_limited": 1})
    assert 40 < found["until"] - state["at"] <= 50


def test_spend_is_told_for_who_has_spent_in_the_window_with_its_budget_and_end() -> None:
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    daily = Limits(budget_nano_usd=10**9, budget_period="day")
    shown = sealed(
        RoutesPart(), KeysPart(keys=(key("a", name="k1", limits=daily), key("b", name="k2")), projects=(
            ProjectEntry(id="p1", limits=Limits()),
        ))
    )  # fmt: skip

    found = list(views.spend(index(shown), {"key:k1": 5, "project:p1": 7}.get, noon.timestamp()))

    assert [(view.holder, view.id, view.spent_nano_usd, view.budget_nano_usd) for view in found] == [
        ("key", "k1", 5, 10**9),
        ("project", "p1", 7, None),
    ]
    assert datetime.fromtimestamp(found[0].resets_at, UTC) == datetime(2026, 11, 21, tzinfo=UTC)
    assert datetime.fromtimestamp(found[1].resets_at, UTC) == datetime(2026, 12, 1, tzinfo=UTC)


async def test_state_is_for_admins_and_keys_that_may_measure() -> None:
    async with gateway(snapshot()) as running:
        refused, _, _ = await running.get("/lumina/state", api_key=USER_KEY)

    assert refused == 403


async def test_who_has_spent_what_is_told_to_admins_alone() -> None:
    async with provider(plain_chat) as upstream, gateway(snapshot(backend(upstream.url))) as running:
        await running.post("/v1/chat/completions", BODY)
        _, shown, _ = await running.get("/lumina/state", api_key=ADMIN_KEY)
        _, hidden, _ = await running.get("/lumina/state", api_key=METRICS_KEY)

    assert [row["id"] for row in shown["spend"]] == ["k1"]
    assert hidden["spend"] == []


async def test_state_and_metrics_are_those_of_all_processes_whichever_is_asked(tmp_path: Path) -> None:
    async with provider(plain_chat) as upstream, two_processes(tmp_path, upstream.url) as (one, two):
        for running in (one, two, two):
            await running.post("/v1/chat/completions", BODY)
        states = [await running.get("/lumina/state", api_key=METRICS_KEY) for running in (one, two)]
        series = [await measured(running) for running in (one, two)]

    for _, state, _ in states:
        assert [process["instance"] for process in state["processes"]] == ["gateway", "gateway-2"]
        assert state["silent"] == []
    for found in series:
        assert (found[served_by("gateway")], found[served_by("gateway-2")]) == (1, 2)
        counted = [value for name, value in found.items() if re.match(r"gen_ai_client_operation_dur.*_count", name)]
        assert sorted(counted) == [1, 2]
        labels = 'lumina_backend="b1",lumina_process="gateway-2",lumina_route="m"'
        assert found[f"lumina_gateway_backend_available{{{labels}}}"] == 1
        assert 0 <= found['lumina_gateway_snapshot_age_seconds{lumina_process="gateway"}'] < 60


async def test_openmetrics_of_several_processes_keeps_their_exemplars(tmp_path: Path) -> None:
    async with provider(plain_chat) as upstream, two_processes(tmp_path, upstream.url) as (one, two):
        for running in (one, two):
            await running.post("/v1/chat/completions", BODY)
        _, text, headers = await one.get("/metrics", api_key=METRICS_KEY, Accept=OPENMETRICS)

    families = {family.name: family for family in text_string_to_metric_families(text)}  # type: ignore[no-untyped-call]  # it has no annotations
    durations = families["gen_ai_client_operation_duration_seconds"].samples
    told = {sample.labels["lumina_process"] for sample in durations if sample.exemplar}
    assert headers["content-type"].startswith("application/openmetrics-text")
    assert told == {"gateway", "gateway-2"}


@pytest.mark.parametrize("accept", ["", "text/plain;version=0.0.4;q=0.5", "*/*"])
async def test_who_does_not_ask_for_openmetrics_gets_text_without_exemplars(accept: str) -> None:
    async with provider(plain_chat) as upstream, gateway(snapshot(backend(upstream.url))) as running:
        await running.post("/v1/chat/completions", BODY)
        _, text, headers = await running.get("/metrics", api_key=METRICS_KEY, Accept=accept)

    assert headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "trace_id" not in text
    assert "_created" not in text


@pytest.mark.system
async def test_promtool_finds_nothing_to_complain_of_in_the_shown_metrics() -> None:
    async with provider(plain_chat) as upstream, gateway(snapshot(backend(upstream.url))) as running:
        await running.post("/v1/chat/completions", BODY)
        _, text, _ = await running.get("/metrics", api_key=METRICS_KEY)

    checked = await asyncio.to_thread(
        subprocess.run, ["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stderr) == (0, "")


async def test_budget_shows_what_share_of_it_key_and_project_have_spent() -> None:
    limited = key(USER_KEY, limits=Limits(budget_nano_usd=10_000))
    part = KeysPart(
        keys=(limited, key(METRICS_KEY, name="k-metrics", scopes=("metrics",)), key(ADMIN_KEY, name="k-admin")),
        projects=(ProjectEntry(id="p1", limits=Limits(budget_nano_usd=20_000)),),
    )
    async with provider(plain_chat) as upstream:
        route = snapshot(backend(upstream.url, input_nano_usd_per_token=500.0)).routes
        async with gateway(sealed(route, part)) as running:
            await running.post("/v1/chat/completions", BODY | {"max_tokens": 1})
            found = await measured(running)

    budgets = {name: value for name, value in found.items() if name.startswith("lumina_gateway_budget_used")}
    assert budgets == {
        'lumina_gateway_budget_used_ratio{lumina_key_id="k1",lumina_project_id="p1"}': 0.35,
        'lumina_gateway_budget_used_ratio{lumina_key_id="",lumina_project_id="p1"}': 0.175,
    }


async def test_overhead_leaves_out_what_backends_and_pauses_between_them_took() -> None:
    asked: list[str] = []

    async def slow(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        if request.method == "GET":  # a probe
            return web.Response()
        asked.append(request.path)
        await asyncio.sleep(0.1)
        return web.Response(status=503) if len(asked) == 1 else await plain_chat(request, body)

    async with provider(slow) as upstream, gateway(snapshot(backend(upstream.url))) as running:
        status, _, headers = await running.post("/v1/chat/completions", BODY)
        found = await measured(running)

    shown = found['lumina_gateway_overhead_seconds_sum{lumina_route="m"}']
    assert (status, len(asked)) == (200, 2)
    assert float(headers["x-litellm-overhead-duration-ms"]) == pytest.approx(shown * 1000, abs=0.001)
    assert shown < float(headers["x-litellm-response-duration-ms"]) / 1000 - 0.2


async def test_silent_sibling_is_named_and_takes_nothing_from_the_sums(tmp_path: Path) -> None:
    async with provider(plain_chat) as upstream, two_processes(tmp_path, upstream.url) as (one, two):
        await two.post("/v1/chat/completions", BODY)
        before = await measured(one)
        await asyncio.to_thread(socket_of(tmp_path, "gateway-2").unlink)
        after = await measured(one)
        _, state, _ = await one.get("/lumina/state", api_key=METRICS_KEY)

    served = served_by("gateway-2")
    assert (before[served], after[served]) == (1, 1)
    assert state["silent"] == ["gateway-2"]
    assert [process["instance"] for process in state["processes"]] == ["gateway"]


async def test_sibling_that_hangs_or_talks_nonsense_is_silent(tmp_path: Path) -> None:
    async def hang(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        await asyncio.sleep(60)
        return web.Response()

    async def babble(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        return web.Response(body=b"\xc1 no report")

    async with (
        provider(hang, socket_of(tmp_path, "gateway-2")),
        provider(babble, socket_of(tmp_path, "gateway-3")),
        gateway(snapshot(), folder=tmp_path, siblings=("gateway-2", "gateway-3", "gateway-4")) as running,
    ):
        status, state, _ = await running.get("/lumina/state", api_key=METRICS_KEY)

    assert (status, state["silent"]) == (200, ["gateway-2", "gateway-3", "gateway-4"])


async def test_processes_that_write_the_kept_snapshot_at_once_leave_a_whole_one(tmp_path: Path) -> None:
    vaults = [Vault(Home(tmp_path), MASTER, f"gateway-{number}") for number in range(8)]
    contents = [bytes([number]) * 200_000 for number in range(8)]

    await asyncio.gather(*(vault.write(content) for vault, content in zip(vaults, contents, strict=True)))

    assert await vaults[0].read() in contents
    assert [file.name for file in (tmp_path / "gateway").iterdir()] == ["snapshot.sealed"]
