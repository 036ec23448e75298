"""The same made-up measurements for our store and for a real Prometheus."""

import json
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from prometheus_client.utils import floatToGoString

from lumina_telemetry.rows import STALE, Batch, HistogramRow, NumberRow, SeriesRow

SECOND = 10**9
BEGIN = 1_780_000_000
"""The first time of the measurements, in unix seconds."""
LENGTH = 5400
BOUNDS = (0.1, 0.5, 1.0, 5.0, 10.0)
Labels = dict[str, str]


@dataclass(frozen=True)
class Numbers:
    name: str
    labels: Labels
    points: list[tuple[int, float]]
    kind: str = "counter"


@dataclass(frozen=True)
class Histogram:
    name: str
    labels: Labels
    points: list[tuple[int, tuple[int, ...], float]]


@dataclass
class Measurements:
    """Times are milliseconds, as Prometheus has them."""

    numbers: list[Numbers] = field(default_factory=list)
    histograms: list[Histogram] = field(default_factory=list)

    def batch(self) -> Batch:
        """As rows of the store."""
        batch = Batch()
        for number, series in enumerate(self.numbers, start=1):
            batch.series.append(row(number, series.name, series.labels, series.kind))
            batch.numbers += [
                NumberRow(series=number, time_ns=time * 10**6, value=value) for time, value in series.points
            ]
        for number, histogram in enumerate(self.histograms, start=1000):
            batch.series.append(row(number, histogram.name, histogram.labels, "histogram", BOUNDS))
            for time, buckets, total in histogram.points:
                batch.histograms.append(
                    HistogramRow(series=number, time_ns=time * 10**6, count=sum(buckets), sum=total, buckets=buckets)
                )
        return batch

    def openmetrics(self) -> str:
        """As text with times. Histograms are written line by line, untyped: all that matters is the numbers."""
        lines: dict[str, list[str]] = {}
        for series in self.numbers:
            for time, value in series.points:
                if value != STALE:
                    lines.setdefault(series.name, []).append(line(series.name, series.labels, value, time))
        for histogram in self.histograms:
            for time, buckets, total in histogram.points:
                _write(lines, histogram, time, buckets, total)
        return "".join("".join(each) for each in lines.values()) + "# EOF\n"


def _write(
    lines: dict[str, list[str]], histogram: Histogram, time: int, buckets: tuple[int, ...], total: float
) -> None:
    name, labels = histogram.name, histogram.labels
    lines.setdefault(f"{name}_sum", []).append(line(f"{name}_sum", labels, total, time))
    lines.setdefault(f"{name}_count", []).append(line(f"{name}_count", labels, sum(buckets), time))
    for place, bound in enumerate((*BOUNDS, math.inf), start=1):
        le = {**labels, "le": str(floatToGoString(bound))}  # type: ignore[no-untyped-call]  # has no types
        own = line(f"{name}_bucket", le, sum(buckets[:place]), time)
        lines.setdefault(f"{name}_bucket", []).append(own)


def line(name: str, labels: Labels, value: float, time: int) -> str:
    told = ",".join(f'{label}="{text}"' for label, text in labels.items())
    shown = "NaN" if math.isnan(value) else "+Inf" if value == math.inf else repr(float(value))
    return f"{name}{{{told}}} {shown} {time / 1000:.3f}\n"


def row(
    number: int,
    name: str,
    labels: Labels,
    kind: str,
    bounds: tuple[float, ...] = (),
    *,
    project: str | None = None,
) -> SeriesRow:
    return SeriesRow(
        id=number, name=name, otel_name=name, kind=kind, unit="", description="", labels=json.dumps(labels),
        project=project, bounds=bounds,
    )  # fmt: skip


def measurements() -> Measurements:
    """Counters that begin anew, gaps, gauges with NaN and infinity, histograms, uneven times."""
    chance = random.Random(4)
    made = Measurements()
    for code in ("200", "404", "500"):
        for instance in ("a", "b"):
            labels = {"job": "web", "instance": instance, "code": code}
            made.numbers.append(Numbers("requests_total", labels, counter(chance, instance == "b")))
    for instance in ("a", "b", "c"):
        labels = {"job": "web", "instance": instance}
        made.numbers.append(Numbers("temperature", labels, gauge(chance), "gauge"))
    odd = gauge(chance)
    odd[20:40] = [(time, math.nan) for time, _ in odd[20:40]]
    odd[60] = (odd[60][0], math.inf)
    made.numbers.append(Numbers("odd", {"job": "web", "instance": "d"}, odd, "gauge"))
    made.numbers.append(
        Numbers("info", {"instance": "a", "version": "1.2"}, [(t, 1.0) for t in times(chance)], "gauge")
    )
    made.numbers.append(
        Numbers("info", {"instance": "b", "version": "1.3"}, [(t, 1.0) for t in times(chance)], "gauge")
    )
    for route in ("chat", "embed"):
        made.histograms.append(Histogram("latency_seconds", {"job": "web", "route": route}, histogram(chance)))
    return made


def times(chance: random.Random, every: int = 15) -> Iterator[int]:
    """About every 15 s; now and then one is missed, and once there are none for ten minutes."""
    for second in range(0, LENGTH, every):
        if chance.random() > 0.04 and not 2000 < second < 2600:
            yield (BEGIN + second) * 1000 + chance.randrange(900)


def aligned() -> Iterator[int]:
    """Exactly on the edges of windows."""
    return iter(range(BEGIN * 1000, (BEGIN + LENGTH) * 1000, 15_000))


def counter(chance: random.Random, on_edges: bool) -> list[tuple[int, float]]:
    points, value = [], 0.0
    for time in aligned() if on_edges else times(chance):
        value = 0.0 if chance.random() < 0.02 else value + chance.randrange(50)
        points.append((time, value))
    return points


def gauge(chance: random.Random) -> list[tuple[int, float]]:
    return [(time, round(chance.uniform(-20, 40), 3)) for time in times(chance)]


def histogram(chance: random.Random) -> list[tuple[int, tuple[int, ...], float]]:
    points, buckets, total = [], [0] * (len(BOUNDS) + 1), 0.0
    for time in times(chance):
        if chance.random() < 0.01:
            buckets, total = [0] * (len(BOUNDS) + 1), 0.0
        for _ in range(chance.randrange(30)):
            value = chance.lognormvariate(-0.5, 1.3)
            total += value
            buckets[sum(value > bound for bound in BOUNDS)] += 1
        points.append((time, tuple(buckets), total))
    return points
