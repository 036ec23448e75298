"""/api/telemetry/alerts."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from lumina_kit.problems import problems
from lumina_telemetry.alerts.models import AlertPage, AlertState
from lumina_telemetry.asked import Listed, Text
from lumina_telemetry.errors import BadQuery, TelemetryUnavailable
from lumina_telemetry.passing import AskDep, LongQuery

router = APIRouter(tags=["rules"], responses=problems(TelemetryUnavailable, BadQuery, LongQuery))


class Alerts(Listed):
    """Which alerts are meant."""

    name: Text | None = None
    state: AlertState | None = None
    severity: Text | None = None
    fingerprint: Text | None = None


@router.get("/alerts", response_model=AlertPage)
async def list_alerts(_alerts: Annotated[Alerts, Query()], ask: AskDep) -> Response:
    """Alerts that are pending or firing, and those that were, newest first."""
    return await ask.get("/alerts")
