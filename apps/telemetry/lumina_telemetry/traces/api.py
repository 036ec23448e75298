"""/api/telemetry/traces."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from lumina_kit.problems import problems
from lumina_telemetry.asked import LONGEST_CURSOR, Paged, Text, TraceId, Where
from lumina_telemetry.errors import BadQuery, QueryTooSlow, TelemetryUnavailable, TraceNotFound
from lumina_telemetry.passing import AskDep, LongQuery
from lumina_telemetry.traces.models import StatisticPage, TracePage, TraceTree, ValuePage

router = APIRouter(
    prefix="/traces", tags=["traces"], responses=problems(TelemetryUnavailable, BadQuery, LongQuery, QueryTooSlow)
)

_WHERE = (
    "Conditions on any attribute, all of which hold: `<attribute>` exists, or `<attribute><op><value>` "
    "with op one of `=` `!=` `~` (contains) `>` `<`."
)


class Spans(Paged):
    """Which spans are meant."""

    service: Text | None = None
    name: Text | None = None
    scope: Text | None = None
    operation: Text | None = None
    provider: Text | None = None
    route: Text | None = None
    backend: Text | None = None
    model: Text | None = Field(None, description="Asked for, or answered.")
    project: Text | None = Field(None, description="Id of a project; others than those you may see have no spans.")
    key_id: Text | None = None
    request_id: Text | None = None
    response_id: Text | None = None
    prompt_sha256: Text | None = None
    error_type: Text | None = None
    status: Literal["ok", "error", "unset"] | None = None
    min_ms: float | None = Field(None, ge=0, description="Spans that lasted at least so many milliseconds.")
    max_ms: float | None = Field(None, ge=0)
    where: Where = Field([], description=_WHERE)


class Values(Spans):
    """Of which attribute, over which spans."""

    attribute: Text
    containing: Text | None = Field(None, description="Only values with this in them.")


class Groups(Spans):
    """How spans are counted together."""

    by: Text | None = Field(None, description="Attribute by whose values spans are told apart; default together.")
    step: int | None = Field(None, ge=1, le=366 * 86_400, description="Seconds of one stretch; default all in one.")


class Tree(BaseModel):
    """How much of a trace."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    limit: int | None = Field(None, ge=1, le=1000, description="Spans on a page.")
    cursor: str | None = Field(None, max_length=LONGEST_CURSOR, description="`next` of the page before.")
    span: Annotated[str, Field(pattern=r"^[0-9a-fA-F]{16}$")] | None = Field(None, description="Only what is below it.")
    depth: int | None = Field(None, ge=0, le=10_000, description="Only so far down.")


@router.get("", response_model=TracePage)
async def list_traces(_spans: Annotated[Spans, Query()], ask: AskDep) -> Response:
    """Traces with a span that fits, newest first."""
    return await ask.get("/traces")


@router.get("/values", response_model=ValuePage)
async def list_attribute_values(_values: Annotated[Values, Query()], ask: AskDep) -> Response:
    """The values of one attribute, most frequent first."""
    return await ask.get("/traces/values")


@router.get("/statistics", response_model=StatisticPage)
async def list_statistics(_groups: Annotated[Groups, Query()], ask: AskDep) -> Response:
    """Number, errors and percentiles of durations of spans that fit, over time and by values of an attribute."""
    return await ask.get("/traces/statistics")


@router.get("/{trace_id}", response_model=TraceTree, responses=problems(TraceNotFound))
async def read_trace(trace_id: TraceId, _tree: Annotated[Tree, Query()], ask: AskDep) -> Response:
    """One trace as a tree, depth first."""
    return await ask.get("/traces/{}", trace_id)
