"""/api/telemetry/metrics: in Lumina's own form. Prometheus' own API is in `prometheus/api.py`."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from lumina_kit.problems import problems
from lumina_telemetry.asked import LONGEST_CURSOR, Moment, Text, Where, Window
from lumina_telemetry.errors import BadQuery, QueryTooSlow, TelemetryUnavailable
from lumina_telemetry.metrics.models import Exemplars, Lines, MetricPage, Names, Points
from lumina_telemetry.passing import AskDep, LongQuery

router = APIRouter(
    prefix="/metrics", tags=["metrics"], responses=problems(TelemetryUnavailable, BadQuery, LongQuery, QueryTooSlow)
)

LONGEST_EXPRESSION = 20_000
Expression = Annotated[str, Field(min_length=1, max_length=LONGEST_EXPRESSION, description="PromQL.")]
Length = Annotated[str, Field(min_length=1, max_length=20, description="Seconds, or such as 30s, 5m, 1h.")]
Label = Annotated[str, Path(min_length=1, max_length=256)]


class Catalogue(Window):
    """Which metrics are meant."""

    search: Annotated[str, Field(max_length=200)] | None = Field(None, description="In the name.")
    type: Text | None = Field(None, description="counter, gauge or histogram.")
    limit: int | None = Field(None, ge=1, le=1000)
    cursor: str | None = Field(None, max_length=LONGEST_CURSOR, description="`next` of the page before.")


class Instant(BaseModel):
    """What, and when."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    query: Expression
    time: Moment | None = Field(None, description="RFC 3339 or seconds since 1970; default now.")


class Range(Window):
    """What, over which time."""

    query: Expression
    step: Length | None = None


class Metric(Window):
    """One metric, and how its series are put together."""

    metric: Text = Field(description="Its Prometheus name, a histogram's without `_bucket`.")
    by: Text | None = Field(None, description="Labels that tell groups apart, with commas.")
    where: Where = Field([], description="Conditions on labels: `name=value`, `!=`, `=~`, `!~`.")
    window: Length | None = Field(None, description="What a rate is taken over.")


class Curves(Metric):
    """With a point every so often."""

    step: Length | None = None


class Percentiles(Curves):
    """Which ones."""

    p: Text | None = Field(None, description="Percentiles with commas; default 50,95,99.")


class Top(Metric):
    """How many."""

    k: int | None = Field(None, ge=1, le=100)


class Measured(Metric):
    """How many exemplars."""

    limit: int | None = Field(None, ge=1, le=1000)


class OfMetric(BaseModel):
    """Of one metric, or of all."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    metric: Text | None = None


@router.get("", response_model=MetricPage)
async def list_metrics(_catalogue: Annotated[Catalogue, Query()], ask: AskDep) -> Response:
    """The metrics that there are, by name."""
    return await ask.get("/metrics")


@router.get("/query", response_model=Points)
async def query_metrics(_instant: Annotated[Instant, Query()], ask: AskDep) -> Response:
    """An expression at one time."""
    return await ask.get("/metrics/query")


@router.get("/query_range", response_model=Lines)
async def query_metrics_over_time(_range: Annotated[Range, Query()], ask: AskDep) -> Response:
    """An expression over a time."""
    return await ask.get("/metrics/query_range")


@router.get("/rate", response_model=Lines)
async def read_rate(_curves: Annotated[Curves, Query()], ask: AskDep) -> Response:
    """How fast a metric grows, over a time; of a gauge its average."""
    return await ask.get("/metrics/rate")


@router.get("/percentiles", response_model=Lines)
async def read_percentiles(_percentiles: Annotated[Percentiles, Query()], ask: AskDep) -> Response:
    """Percentiles of a histogram, over a time."""
    return await ask.get("/metrics/percentiles")


@router.get("/top", response_model=Points)
async def read_top(_top: Annotated[Top, Query()], ask: AskDep) -> Response:
    """The values of labels with the most of a metric."""
    return await ask.get("/metrics/top")


@router.get("/labels", response_model=Names)
async def list_labels(_metric: Annotated[OfMetric, Query()], ask: AskDep) -> Response:
    """Names of labels."""
    return await ask.get("/metrics/labels")


@router.get("/labels/{name}", response_model=Names)
async def list_label_values(name: Label, _metric: Annotated[OfMetric, Query()], ask: AskDep) -> Response:
    """Values of one label."""
    return await ask.get("/metrics/labels/{}", name)


@router.get("/exemplars", response_model=Exemplars)
async def list_exemplars(_measured: Annotated[Measured, Query()], ask: AskDep) -> Response:
    """Measured values of a histogram with the traces behind them, newest first."""
    return await ask.get("/metrics/exemplars")
