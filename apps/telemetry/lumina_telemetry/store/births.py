"""Zero points before the first one of a series, where it is known that it was 0: else what it came with is lost."""

from collections.abc import Iterable

from lumina_telemetry.rows import Batch, HistogramRow, NumberRow, SeriesRow


def zeros(fresh: Iterable[SeriesRow]) -> Batch:
    """One point for each series that is not stored yet and says when it was 0."""
    born = Batch()
    for row in fresh:
        if row.zero_ns and row.kind == "histogram":
            buckets = (0,) * (len(row.bounds) + 1)
            born.histograms.append(HistogramRow(series=row.id, time_ns=row.zero_ns, count=0, sum=0.0, buckets=buckets))
        elif row.zero_ns:
            born.numbers.append(NumberRow(series=row.id, time_ns=row.zero_ns, value=0.0))
    return born
