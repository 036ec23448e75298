"""histogram_quantile: a quantile from the counts of buckets, linear inside a bucket."""

import math

import numpy as np

from lumina_telemetry.promql.errors import AmbiguousMatch
from lumina_telemetry.promql.models import NAME, Floats, Vector, empty, key, without

BUCKET = "le"


def histogram_quantile(quantile: Floats, vector: Vector) -> Vector:
    """One series for each set of buckets; rows without a bound are left out."""
    groups: dict[tuple[tuple[str, str], ...], dict[float, int]] = {}
    for row, labels in enumerate(vector.labels):
        bound = _bound(labels.get(BUCKET))
        if bound is None:
            continue
        rows = groups.setdefault(key(without(labels, frozenset({BUCKET, NAME}))), {})
        if bound in rows:
            raise AmbiguousMatch(f"Two series have the bucket le={labels[BUCKET]!r}; quantiles need one.")
        rows[bound] = row
    columns = vector.values.shape[1]
    answers = [_one(quantile, vector, rows) for rows in groups.values()]
    if not answers:
        return empty(columns)
    there = np.array([vector.there[list(rows.values())].any(axis=0) for rows in groups.values()])
    return Vector([dict(each) for each in groups], np.array(answers), there)


def _bound(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None


def _one(quantile: Floats, vector: Vector, rows: dict[float, int]) -> Floats:
    bounds = np.array(sorted(rows))
    order = [rows[bound] for bound in bounds]
    values, there = vector.values[order], vector.there[order]
    return np.array(
        [
            _quantile(float(quantile[column]), bounds[there[:, column]], values[there[:, column], column])
            for column in range(values.shape[1])
        ]
    )


def _quantile(quantile: float, bounds: Floats, counts: Floats) -> float:
    if math.isnan(quantile) or len(bounds) < 2 or not math.isinf(bounds[-1]):
        return math.nan
    if not 0 <= quantile <= 1:
        return math.copysign(math.inf, quantile - 0.5)
    counts = np.fmax.accumulate(counts)  # rounding can let a wider bucket count less than a narrower one
    total = float(counts[-1])
    if total == 0 or math.isnan(total):
        return math.nan
    rank = quantile * total
    place = int(np.searchsorted(counts[:-1], rank, side="left"))
    return _inside(rank, place, bounds, counts)


def _inside(rank: float, place: int, bounds: Floats, counts: Floats) -> float:
    if place == len(bounds) - 1:
        return float(bounds[-2])
    if place == 0 and bounds[0] <= 0:
        return float(bounds[0])
    begin, below = (float(bounds[place - 1]), float(counts[place - 1])) if place else (0.0, 0.0)
    with np.errstate(all="ignore"):
        return begin + (float(bounds[place]) - begin) * float((rank - below) / (counts[place] - np.float64(below)))
