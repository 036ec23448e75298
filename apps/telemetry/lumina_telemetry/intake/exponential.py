"""Exponential histograms on one fixed scale, so that their buckets stay comparable over time and between senders."""

import numpy as np
from numpy.typing import NDArray
from opentelemetry.proto.metrics.v1.metrics_pb2 import ExponentialHistogramDataPoint

SCALE = 1
_LOWEST, _HIGHEST = -40, 80
BOUNDS = tuple(2.0 ** (half / 2) for half in range(_LOWEST, _HIGHEST + 1))
"""Two a power of two, from a millionth to a trillion. What is less is in the first bucket, what is more in the last."""
_FINEST, _COARSEST = 20, -10


def on_fixed_scale(point: ExponentialHistogramDataPoint) -> tuple[int, ...]:
    """Counts of the buckets between BOUNDS, and beyond."""
    counts = np.zeros(len(BOUNDS) + 1, dtype=np.int64)
    given = np.array(point.positive.bucket_counts, dtype=np.uint64).astype(np.int64)
    places = _places(point.positive.offset, len(given), point.scale)
    np.add.at(counts, places, given)
    counts[0] += point.zero_count + sum(point.negative.bucket_counts)
    return tuple(counts.tolist())


def _places(offset: int, count: int, scale: int) -> NDArray[np.int64]:
    """The bucket of the fixed scale in which each given one ends, by its upper bound."""
    index = offset + np.arange(count, dtype=np.int64)
    shift = max(_COARSEST, min(_FINEST, scale)) - SCALE
    upper = (index >> shift) + 1 if shift >= 0 else (index + 1) << -shift
    return np.asarray(np.clip(upper - _LOWEST, 0, len(BOUNDS)))
