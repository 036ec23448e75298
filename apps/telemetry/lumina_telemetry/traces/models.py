"""What is told of traces. Times are RFC 3339 with nanoseconds, UTC; durations are milliseconds."""

from dataclasses import dataclass
from typing import Literal

Status = Literal["unset", "ok", "error"]
STATUSES: tuple[Status, ...] = ("unset", "ok", "error")
MatchedBy = Literal["trace_id", "span_id", "request_id", "response_id", "prompt_sha256"]


@dataclass(frozen=True)
class TraceSummary:
    """One trace in a list. It is told by its root span or, while that is unknown (`root` false), its earliest one.

    `route` and the like are those of the uppermost span that has them. Tokens and cost are summed over the uppermost
    spans that tell them, so that a span which repeats its children's counts nothing twice.
    """

    trace_id: str
    span_id: str
    root: bool
    name: str
    service: str
    start: str
    duration_ms: float
    status: Status
    spans: int
    errors: int
    operation: str | None
    route: str | None
    backend: str | None
    model: str | None
    project: str | None
    key_id: str | None
    error_type: str | None
    http_status: int | None
    input_tokens: int | None
    output_tokens: int | None
    cost_nano_usd: int | None


@dataclass(frozen=True)
class TracePage:
    """Newest first. `cut` says why a search ended before it had looked everywhere; `next` goes on from there."""

    items: list[TraceSummary]
    next: str | None
    cut: str | None


@dataclass(frozen=True)
class SpanDetail:
    """All that is known of one span."""

    trace_id: str
    span_id: str
    parent_id: str | None
    name: str
    kind: str
    status: Status
    status_message: str | None
    service: str
    scope: str
    project: str | None
    ours: bool
    start: str
    duration_ms: float
    attributes: dict[str, object]
    events: list[object]
    links: list[object]
    resource: dict[str, object]


@dataclass(frozen=True)
class SpanNode:
    """A span in its trace. `offset_ms` counts from the trace's earliest span; `depth` of a root is 0.

    `orphan`: its parent never came in. `cycle`: it is its own ancestor, so it is shown as a root. `early_ms`: by how
    much it began before its parent, `ahead_ms`: by how much after it came in; only a wrong clock can do either.
    `duplicates`: other spans that had its id.
    """

    depth: int
    children: int
    offset_ms: float
    orphan: bool
    cycle: bool
    early_ms: float
    ahead_ms: float
    duplicates: int
    span: SpanDetail


@dataclass(frozen=True)
class TraceTree:
    """One trace, depth first; `items` is a page of it, all else tells of the whole."""

    trace_id: str
    start: str
    duration_ms: float
    spans: int
    errors: int
    services: list[str]
    orphans: int
    cycles: int
    early: int
    ahead: int
    duplicates: int
    items: list[SpanNode]
    next: str | None
    cut: str | None


@dataclass(frozen=True)
class ValueCount:
    value: str
    spans: int


@dataclass(frozen=True)
class ValuePage:
    """Values of one attribute, most frequent first."""

    items: list[ValueCount]
    next: str | None
    cut: str | None


@dataclass(frozen=True)
class Statistic:
    """Spans of one group in one stretch of time; `start` is its beginning. Percentiles are within about 1%."""

    group: str | None
    start: str
    count: int
    errors: int
    p50_ms: float
    p95_ms: float
    p99_ms: float


@dataclass(frozen=True)
class StatisticPage:
    items: list[Statistic]
    next: str | None
    cut: str | None


@dataclass(frozen=True)
class Match:
    """A span of Lumina's own that an id leads to."""

    matched: MatchedBy
    span: SpanDetail


@dataclass(frozen=True)
class MatchPage:
    """Newest first."""

    items: list[Match]
    next: str | None
    cut: str | None
