"""Points of histograms, explicit and exponential, in one form."""

import math
from dataclasses import dataclass
from itertools import pairwise

import msgspec
from opentelemetry.proto.metrics.v1.metrics_pb2 import Exemplar, ExponentialHistogramDataPoint, HistogramDataPoint

from lumina_telemetry.intake.exponential import BOUNDS, on_fixed_scale

MOST_BOUNDS = 250
MOST_EXPONENTIAL = 10_000
"""Buckets of an exponential histogram; OpenTelemetry's SDKs make 160."""
MOST_EXEMPLARS = 10
LARGEST = 2**63 - 1
"""What a count may come to, of one bucket or of all."""
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
    if not _plausible(point):
        return None
    total = point.sum if point.HasField("sum") else math.nan
    if isinstance(point, ExponentialHistogramDataPoint):
        return Counts(BOUNDS, on_fixed_scale(point), point.count, total)
    bounds, buckets = tuple(point.explicit_bounds), tuple(point.bucket_counts) or (point.count,)
    if bounds and math.isinf(bounds[-1]) and len(bounds) == len(buckets):
        bounds = bounds[:-1]
    rising = all(math.isfinite(each) for each in bounds) and all(low < high for low, high in pairwise(bounds))
    if len(buckets) != len(bounds) + 1 or not rising:
        return None
    return Counts(bounds, buckets, point.count, total)


def _plausible(point: Point) -> bool:
    """Within bounds, so that nothing large is computed from a small request, and the store can hold it."""
    if isinstance(point, ExponentialHistogramDataPoint):
        most, lists = MOST_EXPONENTIAL, [point.positive.bucket_counts, point.negative.bucket_counts]
        counted = point.count + point.zero_count
    else:
        most, lists, counted = MOST_BOUNDS + 1, [point.bucket_counts], point.count
        if len(point.explicit_bounds) > most:
            return False
    return all(len(each) <= most for each in lists) and counted + sum(map(sum, lists)) <= LARGEST


def exemplars_of(point: Point) -> str | None:
    """The newest exemplars that lead to a trace, as JSON."""
    leading = [each for each in point.exemplars if len(each.trace_id) == 16 and math.isfinite(_measured(each))]
    newest = sorted(leading, key=lambda each: each.time_unix_nano)[-MOST_EXEMPLARS:]
    told = [
        {
            "value": _measured(each),
            "time_ns": each.time_unix_nano or point.time_unix_nano,
            "trace_id": each.trace_id.hex(),
            "span_id": each.span_id.hex(),
        }
        for each in newest
    ]
    return msgspec.json.encode(told).decode() if told else None


def _measured(exemplar: Exemplar) -> float:
    return float(exemplar.as_int) if exemplar.HasField("as_int") else exemplar.as_double
