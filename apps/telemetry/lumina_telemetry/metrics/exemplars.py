"""From the bucket of a histogram to the traces that were counted in it."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from duckdb import DuckDBPyConnection

from lumina_telemetry.metrics.asking import Span
from lumina_telemetry.promql.models import Labels
from lumina_telemetry.promql.selection import Selector
from lumina_telemetry.promql.syntax import parsed, selectors
from lumina_telemetry.visibility import Visible

MOST = 1000
_ROWS = """
SELECT h.series, s.bounds, h.exemplars
FROM histograms h JOIN (SELECT DISTINCT id, bounds FROM series) s ON s.id = h.series
WHERE h.exemplars IS NOT NULL AND h.time_ns BETWEEN $start AND $end AND h.series IN (SELECT unnest($ids))
ORDER BY h.time_ns DESC LIMIT $limit"""


class Stored(msgspec.Struct, frozen=True):
    """An exemplar as rows have it."""

    value: float
    time_ns: int
    trace_id: str
    span_id: str


@dataclass(frozen=True)
class Found:
    """An exemplar, with the labels of the bucket that counted it."""

    labels: Labels
    exemplar: Stored


_decoder = msgspec.json.Decoder(list[Stored])


def exemplars(
    connection: DuckDBPyConnection, expression: str, span: Span, visible: Visible, most_series: int
) -> list[Found]:
    """The newest exemplars of all buckets that the expression reads, newest first; each once."""
    selector = Selector(connection, visible, most_series)
    buckets: dict[tuple[int, int], Labels] = {}
    for node in selectors(parsed(expression)):
        selected = selector.select(node)
        for labels, origins in zip(selected.labels, selected.origins, strict=True):
            buckets.update({(origin.series, origin.part): labels for origin in origins if origin.part > 0})
    asked = {
        "ids": list({series for series, _ in buckets}),
        "start": span.start_ns,
        "end": span.end_ns,
        "limit": MOST,
    }
    found: dict[tuple[str, str, int], Found] = {}
    for series, bounds, stored in connection.execute(_ROWS, asked).fetchall():
        for each in _decoder.decode(stored):
            bucket = buckets.get((series, _part(bounds, each.value)))
            if bucket is not None and span.start_ns <= each.time_ns <= span.end_ns:
                found.setdefault((each.trace_id, each.span_id, each.time_ns), Found(bucket, each))
    return sorted(found.values(), key=lambda each: -each.exemplar.time_ns)[:MOST]


def _part(bounds: Sequence[float], value: float) -> int:
    return bisect_left(bounds, value) + 1
