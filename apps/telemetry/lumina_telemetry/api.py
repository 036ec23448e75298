"""/api/telemetry: what the composition root includes."""

from importlib.metadata import version
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel

from lumina_kit.auth import Principal, require
from lumina_kit.roles import Permission
from lumina_telemetry.alerts.api import router as alerts
from lumina_telemetry.content.api import router as content
from lumina_telemetry.logs.api import router as logs
from lumina_telemetry.metrics.api import router as metrics
from lumina_telemetry.prometheus.api import router as prometheus
from lumina_telemetry.resolve.api import router as resolve
from lumina_telemetry.rules.api import router as rules
from lumina_telemetry.slo.api import router as slo
from lumina_telemetry.store.api import router as status
from lumina_telemetry.traces.api import router as traces

router = APIRouter(tags=["telemetry"])

Caller = Annotated[Principal, require(Permission.SELF_READ)]


class About(BaseModel):
    """Which version of the app answers, and as whom it knows the caller."""

    version: str
    caller: str


@router.get("/about")
async def about_telemetry(who: Caller) -> About:
    """The version of this app."""
    return About(version=version("lumina-telemetry"), caller=who.name)


for topic in (status, traces, logs, metrics, resolve, rules, alerts, slo, prometheus, content):
    router.include_router(topic)
