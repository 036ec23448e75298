"""/api/telemetry/rules."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from lumina_kit.problems import problems
from lumina_telemetry.asked import Listed, Text
from lumina_telemetry.errors import BadQuery, TelemetryUnavailable
from lumina_telemetry.passing import AskDep, LongQuery
from lumina_telemetry.rules.models import RuleKind, RulePage, RuleState

router = APIRouter(tags=["rules"], responses=problems(TelemetryUnavailable, BadQuery, LongQuery))


class Rules(Listed):
    """Which rules are meant."""

    name: Text | None = None
    file: Text | None = None
    group: Text | None = None
    kind: RuleKind | None = None
    state: RuleState | None = None


@router.get("/rules", response_model=RulePage)
async def list_rules(_rules: Annotated[Rules, Query()], ask: AskDep) -> Response:
    """Rules in the order in which they are evaluated, how they stand, and files that are broken."""
    return await ask.get("/rules")
