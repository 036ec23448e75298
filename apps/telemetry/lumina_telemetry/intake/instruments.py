"""What the points of one metric have in common."""

from dataclasses import dataclass
from typing import Any

from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality, Metric

from lumina_telemetry.intake.naming import metric_name
from lumina_telemetry.intake.values import line
from lumina_telemetry.rows import OWN

LONGEST_DESCRIPTION = 512
_DELTA = AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA
_UNSPECIFIED = AggregationTemporality.AGGREGATION_TEMPORALITY_UNSPECIFIED
_TIMED = frozenset({"sum", "histogram", "exponential_histogram"})
_KINDS = {"histogram": "histogram", "exponential_histogram": "histogram", "summary": "summary"}


@dataclass(frozen=True)
class Instrument:
    """`name` is the Prometheus name, `delta`: points are changes. `kind` is gauge, counter, histogram or summary."""

    name: str
    otel_name: str
    kind: str
    unit: str
    description: str
    delta: bool


def instrument_of(metric: Metric, shape: str, data: Any) -> Instrument:
    """The metric, by the field `shape` of its message that holds `data`."""
    kind = _KINDS.get(shape) or ("counter" if shape == "sum" and data.is_monotonic else "gauge")
    return Instrument(
        name=line(metric_name(metric.name, metric.unit, kind)),
        otel_name=line(metric.name),
        kind=kind,
        unit=line(metric.unit, 64),
        description=line(metric.description, LONGEST_DESCRIPTION),
        delta=shape in _TIMED and data.aggregation_temporality == _DELTA,
    )


def refusal(instrument: Instrument, shape: str, data: Any, *, ours: bool) -> str | None:
    """Why no point of the metric can be taken."""
    if not instrument.name:
        return "of a metric without a name"
    if not ours and instrument.name.startswith(OWN):
        return f"of metrics whose name begins with {OWN}, which only Lumina itself sends"
    if shape in _TIMED and data.aggregation_temporality == _UNSPECIFIED:
        return "without an aggregation temporality"
    return None
