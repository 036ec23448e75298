"""Metrics in, and the routes that answer about them, for tests."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality, Metric, ResourceMetrics, ScopeMetrics
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from apps.telemetry.tests.store_world import World, open_world
from lumina_telemetry.answering import answers
from lumina_telemetry.intake.metrics import MetricsDecoder
from lumina_telemetry.intake.sender import Decoded, Sender
from lumina_telemetry.metrics.routes import routes
from lumina_telemetry.promql import Engine
from lumina_telemetry.settings import TelemetrySettings

CUMULATIVE = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
DELTA = AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA
SECOND = 10**9
NOW = 1_780_000_000 * SECOND
OURS = Sender()
THEIRS = Sender(project="p1", ours=False)


def pairs(attributes: Mapping[str, str]) -> list[KeyValue]:
    return [KeyValue(key=key, value=AnyValue(string_value=value)) for key, value in attributes.items()]


def request(*metrics: Metric, service: str = "shop", instance: str = "1") -> ExportMetricsServiceRequest:
    resource = Resource(attributes=pairs({"service.name": service, "service.instance.id": instance}))
    scope = ScopeMetrics(metrics=metrics)
    return ExportMetricsServiceRequest(resource_metrics=[ResourceMetrics(resource=resource, scope_metrics=[scope])])


def counter(name: str, value: float, seconds: int = 0, *, temporality: Any = CUMULATIVE, **labels: str) -> Metric:
    metric = Metric(name=name)
    metric.sum.is_monotonic = True
    metric.sum.aggregation_temporality = temporality
    metric.sum.data_points.add(
        attributes=pairs(labels), as_double=value, time_unix_nano=NOW + seconds * SECOND, start_time_unix_nano=1
    )
    return metric


def gauge(name: str, value: float, seconds: int = 0, unit: str = "", **labels: Any) -> Metric:
    metric = Metric(name=name, unit=unit)
    metric.gauge.data_points.add(attributes=pairs(labels), as_double=value, time_unix_nano=NOW + seconds * SECOND)
    return metric


def histogram(
    name: str, buckets: list[int], seconds: int = 0, *, temporality: Any = CUMULATIVE, trace: str = "", **labels: str
) -> Metric:
    """Bounds 0.1 and 1; an exemplar of 0.5 where a trace is given."""
    metric = Metric(name=name, unit="s")
    metric.histogram.aggregation_temporality = temporality
    point = metric.histogram.data_points.add(
        attributes=pairs(labels), time_unix_nano=NOW + seconds * SECOND, count=sum(buckets), sum=float(sum(buckets)),
        bucket_counts=buckets, explicit_bounds=[0.1, 1.0],
    )  # fmt: skip
    if trace:
        moment = NOW + seconds * SECOND
        point.exemplars.add(as_double=0.5, time_unix_nano=moment, trace_id=bytes.fromhex(trace), span_id=b"\1" * 8)
    return metric


@dataclass
class Clock:
    now_ns: int = NOW

    def __call__(self) -> int:
        return self.now_ns


@dataclass
class Intake:
    """A decoder with a clock that stands 10 minutes after NOW."""

    settings: TelemetrySettings = field(default_factory=TelemetrySettings)
    clock: Clock = field(default_factory=lambda: Clock(NOW + 600 * SECOND))

    def __post_init__(self) -> None:
        self.decoder = MetricsDecoder(self.settings, self.clock)

    def take(self, *metrics: Metric, sender: Sender = OURS) -> Decoded:
        return self.decoder.decode(request(*metrics), sender)


@dataclass
class Asking:
    client: "TestClient[web.Request, web.Application]"

    async def get(self, path: str, *, project: str | None = None, **parameters: Any) -> Any:
        headers = {} if project is None else {answers.PROJECT_HEADER: project}
        answer = await self.client.get(path, params=parameters, headers=headers)
        return await answer.json(content_type=None)

    async def get_with_own(self, path: str, project: str) -> Any:
        headers = {answers.PROJECT_HEADER: project, answers.OWN_HEADER: "1"}
        return await (await self.client.get(path, headers=headers)).json()

    async def form(self, path: str, **parameters: str) -> Any:
        return await (await self.client.post(path, data=parameters)).json()


@asynccontextmanager
async def asking(folder: Path) -> AsyncIterator[tuple[World, Asking]]:
    async with open_world(folder) as world:
        app = web.Application(middlewares=[answers.problems])
        app.add_routes(routes(world.store, Engine(world.store, world.settings), world.settings))
        async with TestClient(TestServer(app)) as client:
            yield world, Asking(client)
