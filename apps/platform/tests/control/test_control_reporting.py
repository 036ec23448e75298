"""Control's numbers, as they reach the telemetry process."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from apps.platform.tests.control.telemetry_server import TelemetryServer, telemetry_server
from lumina_contracts.events import KeyRevoked
from lumina_kit import outbox
from lumina_platform.control.reporting import report
from lumina_platform.control.world import World

Headers = dict[str, str]


@asynccontextmanager
async def reporting(world: World) -> AsyncIterator[None]:
    """Control reports now, and again at once."""
    task = asyncio.create_task(report(world, every_seconds=0.01))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(met: Callable[[], bool]) -> None:
    for _ in range(1000):
        if met():
            return
        await asyncio.sleep(0.01)
    raise TimeoutError


def metrics(server: TelemetryServer) -> dict[str, Any]:
    [resource] = ExportMetricsServiceRequest.FromString(server.last.body).resource_metrics
    return {metric.name: metric for metric in resource.scope_metrics[0].metrics}


async def test_control_reports_its_numbers_to_the_telemetry_process(world: World, client: httpx.AsyncClient) -> None:
    await client.get("/healthz")

    async with telemetry_server(world.home.run_dir) as server, reporting(world):
        await until(lambda: len(server.asked) > 0)

    assert (server.last.method, server.last.path) == ("POST", "/v1/metrics")
    assert server.last.headers["content-type"] == "application/x-protobuf"
    [resource] = ExportMetricsServiceRequest.FromString(server.last.body).resource_metrics
    assert resource.resource.attributes[0].value.string_value == "lumina-control"
    found = metrics(server)
    assert found["lumina_control_requests"].sum.is_monotonic
    assert found["lumina_control_request_duration_seconds"].unit == "s"
    assert "process_resident_memory_bytes" in found


async def test_reports_begin_when_the_telemetry_process_comes(world: World) -> None:
    async with reporting(world):
        await asyncio.sleep(0.03)
        async with telemetry_server(world.home.run_dir) as server:
            await until(lambda: len(server.asked) > 0)

    assert "lumina_outbox_dead_letters" in metrics(server)


async def test_age_of_the_oldest_waiting_event_is_shown(
    world: World, client: httpx.AsyncClient, admin: Headers
) -> None:
    async with world.database.session() as session:
        old = KeyRevoked(occurred_at=world.now() - timedelta(seconds=90), key_id=uuid4())
        await outbox.publish(session, old)
        await session.flush()
        oldest = await outbox.oldest(session)

    assert oldest == old.occurred_at
    text = (await client.get("/metrics", headers=admin)).text
    assert "lumina_outbox_oldest_seconds" in text
