"""/api/telemetry/logs, and the logs beside a trace."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from lumina_kit.problems import problems
from lumina_telemetry.asked import LONGEST_CURSOR, Text, TraceId, Where, Window
from lumina_telemetry.errors import BadQuery, QueryTooSlow, TelemetryUnavailable, TraceNotFound
from lumina_telemetry.logs.models import LogHistogram, LogPage
from lumina_telemetry.passing import EVENTS, AskDep, LongQuery

router = APIRouter(tags=["logs"], responses=problems(TelemetryUnavailable, BadQuery, LongQuery, QueryTooSlow))

_TAIL: dict[int | str, dict[str, Any]] = {
    200: {"description": "Events `log`, each a record, and `dropped` with a count.", "content": {EVENTS: {}}}
}


class Said(BaseModel):
    """Which records are meant."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    q: Text | None = Field(None, description='Words that all stand in the text; `"..."` holds them together.')
    severity: Text | None = Field(None, description="The least: trace, debug, info, warning, error, fatal or 1 to 24.")
    service: Text | None = None
    trace_id: Text | None = None
    where: Where = Field([], description="Conditions on attributes, as those of traces.")


class SaidThen(Said, Window):
    """And from when to when."""


class Records(SaidThen):
    """Page by page."""

    limit: int | None = Field(None, ge=1, le=1000, description="Records on a page.")
    cursor: str | None = Field(None, max_length=LONGEST_CURSOR, description="`next` of the page before.")


class Beside(Said):
    """Page by page, around one trace."""

    around: float | None = Field(
        None, ge=0, le=3600, description="Also what its services said so many seconds before and after, without its id."
    )
    limit: int | None = Field(None, ge=1, le=1000, description="Records on a page.")
    cursor: str | None = Field(None, max_length=LONGEST_CURSOR, description="`next` of the page before.")


@router.get("/logs", response_model=LogPage)
async def list_logs(_records: Annotated[Records, Query()], ask: AskDep) -> Response:
    """Log records that fit, newest first."""
    return await ask.get("/logs")


@router.get("/logs/histogram", response_model=LogHistogram)
async def count_logs(_said: Annotated[SaidThen, Query()], ask: AskDep) -> Response:
    """How many records fit, over time and by severity."""
    return await ask.get("/logs/histogram")


@router.get("/logs/tail", response_class=Response, responses=_TAIL)
async def follow_logs(_said: Annotated[Said, Query()], ask: AskDep) -> Response:
    """Records as they come in, as server-sent events, until the caller goes or may no longer see them."""
    return await ask.follow("/logs/tail")


@router.get("/traces/{trace_id}/logs", response_model=LogPage, responses=problems(TraceNotFound))
async def list_logs_beside_trace(trace_id: TraceId, _beside: Annotated[Beside, Query()], ask: AskDep) -> Response:
    """What was logged with a trace's id, newest first."""
    return await ask.get("/traces/{}/logs", trace_id)
