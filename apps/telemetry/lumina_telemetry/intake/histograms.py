"""Points of histograms, explicit and exponential, in one form."""

import math
from dataclasses import dataclass
from itertools import pairwise

import msgspec
from opentelemetry.proto.metrics.v1.metrics_pb2 import ExponentialHistogramDataPoint, HistogramDataPoint

from lumina_telemetry.intake.exponential import BOUNDS, on_fixed_scale

MOST_BOUNDS = 250
MOST_EXEMPLARS = 10
Point = HistogramDataPoint | ExponentialHistogramDataPoint


@dataclass(frozen=True)
class Counts:
    """One point: `buckets` has one more than `bounds`."""

    bounds: tuple[float, ...]
    buckets: tuple[int, ...]
    count: int
    sum: float


def counts_of(point: Point) -> Counts | None:
    """What the point counts; None: its buckets make no sense."""
    total = point.sum if point.HasField("sum") else math.nan
    if isinstance(point, ExponentialHistogramDataPoint):
        return Counts(BOUNDS, on_fixed_scale(point), point.count, total)
    bounds, buckets = tuple(point.explicit_bounds), tuple(point.bucket_counts) or (point.count,)
    if bounds and math.isinf(bounds[-1]) and len(bounds) == len(buckets):
        bounds = bounds[:-1]
    rising = all(math.isfinite(each) for each in bounds) and all(low < high for low, high in pairwise(bounds))
    if len(buckets) != len(bounds) + 1 or len(bounds) > MOST_BOUNDS or not rising:
        return None
    return Counts(bounds, buckets, point.count, total)


def exemplars_of(point: Point) -> str | None:
    """The newest exemplars that lead to a trace, as JSON."""
    found = [
        {
            "value": float(each.as_int) if each.HasField("as_int") else each.as_double,
            "time_ns": each.time_unix_nano or point.time_unix_nano,
            "trace_id": each.trace_id.hex(),
            "span_id": each.span_id.hex(),
        }
        for each in point.exemplars
        if len(each.trace_id) == 16
    ]
    return msgspec.json.encode(found[-MOST_EXEMPLARS:]).decode() if found else None
