"""What is answered about metrics. A value that JSON has no number for, NaN or an infinity, is null."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class MetricInfo:
    """One metric. `name` is its Prometheus name, a histogram's without `_bucket`; `type` as in Prometheus.

    `last_seen` is RFC 3339; null: no point came in the time asked for.
    """

    name: str
    type: str
    unit: str
    help: str
    otel_name: str
    series: int
    last_seen: str | None


@dataclass(frozen=True)
class MetricPage:
    """A page of the catalogue, by name."""

    items: list[MetricInfo]
    next: str | None
    cut: str | None


@dataclass(frozen=True)
class Point:
    """One series at one time."""

    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True)
class Points:
    """All series of an expression at one time."""

    expression: str
    time: str
    items: list[Point]
    next: str | None
    cut: str | None


@dataclass(frozen=True)
class Line:
    """One series over time: `times` in seconds since 1970, one value each."""

    labels: Mapping[str, str]
    times: list[float]
    values: list[float]


@dataclass(frozen=True)
class Lines:
    """All series of an expression over a time. `expression` is what was evaluated, in PromQL."""

    expression: str
    step_seconds: float
    items: list[Line]
    next: str | None
    cut: str | None


@dataclass(frozen=True)
class Names:
    """Names of labels, or values of one."""

    items: list[str]
    next: str | None
    cut: str | None


@dataclass(frozen=True)
class ExemplarInfo:
    """One measured value, and the trace behind it."""

    labels: Mapping[str, str]
    value: float
    time: str
    trace_id: str
    span_id: str


@dataclass(frozen=True)
class Exemplars:
    """The newest exemplars of a metric."""

    items: list[ExemplarInfo]
    next: str | None
    cut: str | None
