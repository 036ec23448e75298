"""What a running control plane consists of; the app keeps it as `app.state.world`."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from lumina_governance.wiring import Governance
from lumina_inference.service import Inference
from lumina_kit.clock import Clock
from lumina_kit.database import Database
from lumina_kit.home import Home
from lumina_kit.parts import PartsClient
from lumina_platform.apps import App
from lumina_platform.control.metrics import Metrics
from lumina_platform.control.otlpdoor import OtlpDoor
from lumina_platform.control.readiness import Readiness
from lumina_platform.control.snapshots import SnapshotHub
from lumina_platform.control.telemetry_state import TelemetryState
from lumina_platform.settings import PlatformSettings
from lumina_telemetry.content.service import Contents
from lumina_telemetry.wiring import Telemetry


@dataclass(frozen=True)
class World:
    """Built once by the composition root."""

    apps: list[App]
    settings: PlatformSettings
    database: Database
    governance: Governance
    inference: Inference
    telemetry: Telemetry
    telemetry_state: TelemetryState
    contents: Contents
    otlp: OtlpDoor
    hub: SnapshotHub
    metrics: Metrics
    readiness: Readiness
    parts: PartsClient
    home: Home
    gateway_url: str
    now: Clock


def world(request: Request) -> World:
    found: World = request.app.state.world
    return found


WorldDep = Annotated[World, Depends(world)]
