"""Rules, objectives and the delivery of alerts put together; the process runs it and serves its routes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
from aiohttp import web
from prometheus_client import CollectorRegistry

from lumina_kit.clock import Clock
from lumina_kit.home import Home
from lumina_telemetry.alerts import routes as alert_routes
from lumina_telemetry.alerts.delivery import Delivery, open_delivery
from lumina_telemetry.alerts.measures import AlertMeasures
from lumina_telemetry.rules import prometheus
from lumina_telemetry.rules import routes as rule_routes
from lumina_telemetry.rules.evaluator import Evaluator
from lumina_telemetry.rules.measures import RuleMeasures
from lumina_telemetry.rules.memory import AlertMemory
from lumina_telemetry.rules.running import Engine
from lumina_telemetry.rules.series import Sink
from lumina_telemetry.settings import TelemetrySettings
from lumina_telemetry.slo import routes as slo_routes
from lumina_telemetry.slo.rulebook import Rulebook
from lumina_telemetry.store.store import Store


class _Endpoints(msgspec.Struct):
    control: str


@dataclass(frozen=True)
class Watching:
    """`routes` answer on the socket; `run` evaluates and sends until cancelled."""

    evaluator: Evaluator
    delivery: Delivery
    routes: list[web.RouteDef]

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.delivery.run())
            tasks.create_task(self.evaluator.run())


@asynccontextmanager
async def open_watching(
    home: Home,
    settings: TelemetrySettings,
    store: Store,
    sink: Sink,
    engine: Engine,
    registry: CollectorRegistry,
    now: Clock,
) -> AsyncIterator[Watching]:
    """Everything but the running. Raises BadSetting for a receiver that is no URL."""
    rulebook = Rulebook(home.path, engine.check)
    memory = AlertMemory(store, settings.retention_days)
    async with open_delivery(settings, AlertMeasures(registry), lambda: portal(home.endpoints_file), now) as delivery:
        evaluator = Evaluator(
            engine, sink, memory, rulebook, delivery, settings.evaluation_seconds, RuleMeasures(registry), now
        )
        shown = [
            *rule_routes.routes(lambda: evaluator.groups, lambda: rulebook.problems),
            *prometheus.routes(lambda: evaluator.groups),
            *alert_routes.routes(store),
            *slo_routes.routes(rulebook, engine, lambda: evaluator.groups, now),
        ]
        yield Watching(evaluator, delivery, shown)


def portal(endpoints: Path) -> str:
    """The address of the portal, as the supervisor wrote it down; empty if it did not."""
    try:
        return msgspec.json.decode(endpoints.read_bytes(), type=_Endpoints).control
    except (OSError, msgspec.DecodeError):
        return ""
