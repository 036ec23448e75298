"""/api/telemetry/slos."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict

from lumina_kit.problems import problems
from lumina_telemetry.asked import Text
from lumina_telemetry.errors import BadQuery, TelemetryUnavailable
from lumina_telemetry.passing import AskDep, LongQuery
from lumina_telemetry.slo.models import SloPage

router = APIRouter(tags=["slo"], responses=problems(TelemetryUnavailable, BadQuery, LongQuery))

_RULES: dict[int | str, dict[str, Any]] = {
    200: {"description": "A rule file of Prometheus.", "content": {"application/yaml": {}}}
}


class Slos(BaseModel):
    """Which objectives are meant."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    service: Text | None = None
    name: Text | None = None


@router.get("/slos", response_model=SloPage)
async def list_slos(_slos: Annotated[Slos, Query()], ask: AskDep) -> Response:
    """Objectives: how well they are kept, how much of the budget is left, and how fast it burns."""
    return await ask.get("/slos")


@router.get("/slos/rules", response_class=Response, responses=_RULES)
async def read_slo_rules(ask: AskDep) -> Response:
    """The rules that are made of all objectives, for a Prometheus of your own."""
    return await ask.get("/slos/rules")
