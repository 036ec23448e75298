"""/api/telemetry/status."""

from fastapi import APIRouter, Response

from lumina_kit.problems import problems
from lumina_telemetry.errors import TelemetryUnavailable
from lumina_telemetry.passing import AskDep
from lumina_telemetry.store.models import StoreStatus

router = APIRouter(tags=["telemetry"], responses=problems(TelemetryUnavailable))


@router.get("/status", response_model=StoreStatus)
async def read_store_status(ask: AskDep) -> Response:
    """Whether telemetry is stored, what waits, what was dropped, and how much there is."""
    return await ask.get("/status")
