"""OTLP metrics to rows under their Prometheus names. What came as changes is added up: all that is stored is totals."""

import math
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    DataPointFlags,
    Metric,
    NumberDataPoint,
    ResourceMetrics,
    SummaryDataPoint,
)

from lumina_telemetry.intake.births import Births
from lumina_telemetry.intake.histograms import LARGEST, Counts, Point, counts_of, exemplars_of
from lumina_telemetry.intake.instruments import Instrument, instrument_of, refusal
from lumina_telemetry.intake.labels import PROJECT_LABEL, Labelling, Labels, target, texts
from lumina_telemetry.intake.sender import Decoded, Sender, Tally
from lumina_telemetry.intake.series import Directory, Identity, Series
from lumina_telemetry.rows import STALE, Batch, HistogramRow, NumberRow, SeriesRow
from lumina_telemetry.settings import TelemetrySettings
from lumina_telemetry.store.refusing import Refusals

MOST_QUANTILES = 64
_CUMULATIVE = frozenset({"counter", "histogram"})
_ENDED = DataPointFlags.DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK


@dataclass
class _Request:
    """One request while it is decoded."""

    sender: Sender
    now_ns: int
    births: Births
    batch: Batch = field(default_factory=Batch)
    tally: Tally = field(default_factory=Tally)
    series: dict[int, SeriesRow] = field(default_factory=dict)
    target: Labels = ()

    def moment(self, time_ns: int) -> int:
        """No point lies in the future: one from a clock that is ahead would hide those that follow."""
        return min(time_ns, self.now_ns) or self.now_ns

    def zero_ns(self, instrument: Instrument, point: NumberDataPoint | Point) -> int:
        """When a series that this point begins was 0, of Lumina's own; nobody knows when others report."""
        if not self.sender.ours:
            return 0
        zero_ns = self.births.zero_ns(self.target, point.start_time_unix_nano, self.moment(point.time_unix_nano))
        return zero_ns if instrument.kind in _CUMULATIVE and not instrument.delta else 0

    def number(self, series: Series, time_ns: int, value: float) -> None:
        self.batch.numbers.append(NumberRow(series=series.row.id, time_ns=time_ns, value=value))


class MetricsDecoder:
    """Remembers series, and the sums of those that send changes, between requests. Any thread may call it."""

    def __init__(self, settings: TelemetrySettings, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._directory = Directory(settings.series, settings.series_together)
        self._refusals = Refusals()
        self._labelling = Labelling()
        self._births = Births()
        self._now_ns = now_ns
        self._lock = threading.Lock()

    def decode(self, request: ExportMetricsServiceRequest, sender: Sender) -> Decoded:
        """Rows of all points that can be kept; the rest are counted, with the reason. Content is stripped before."""
        with self._lock:
            current = _Request(sender, self._now_ns(), self._births)
            for resource in request.resource_metrics:
                current.target = target(texts(resource.resource.attributes))
                for metric in _metrics(resource):
                    self._metric(current, metric)
            self._tell(current.tally)
        current.batch.series = list(current.series.values())
        return current.tally.decoded(current.batch, "points")

    def _tell(self, tally: Tally) -> None:
        for project, points in tally.crowded.items():
            self._refusals.tell(project, points, self._directory.limit(project))

    def _metric(self, current: _Request, metric: Metric) -> None:
        shape = metric.WhichOneof("data")
        if shape is None:
            return
        data: Any = getattr(metric, shape)
        instrument = instrument_of(metric, shape, data)
        if reason := refusal(instrument, shape, data, ours=current.sender.ours):
            current.tally.rejected[reason] += len(data.data_points)
            return
        for point in data.data_points:
            self._point(current, instrument, point)

    def _point(self, current: _Request, instrument: Instrument, point: Any) -> None:
        labels = self._labelling.labels(current.target, point.attributes, current.sender)
        if labels is None:
            current.tally.rejected["with too many labels, or too long ones"] += 1
        elif isinstance(point, NumberDataPoint):
            self._number(current, instrument, labels, point)
        elif isinstance(point, SummaryDataPoint):
            self._summary(current, _identity(current, instrument, labels), point)
        else:
            self._histogram(current, instrument, labels, point)

    def _number(self, current: _Request, instrument: Instrument, labels: Labels, point: NumberDataPoint) -> None:
        zero_ns = current.zero_ns(instrument, point)
        series = self._series(current, _identity(current, instrument, labels), zero_ns=zero_ns)
        if series is None:
            return
        moment = current.moment(point.time_unix_nano)
        if point.flags & _ENDED:
            current.number(series, moment, STALE)
            return
        value = float(point.as_int) if point.HasField("as_int") else point.as_double
        if instrument.delta:
            if series.advances(point.time_unix_nano or moment, current.now_ns) and math.isfinite(value):
                series.value += value
            value = series.value
        current.number(series, moment, value)

    def _histogram(self, current: _Request, instrument: Instrument, labels: Labels, point: Point) -> None:
        identity = _identity(current, instrument, labels)
        moment = current.moment(point.time_unix_nano)
        if point.flags & _ENDED:
            self._ended(current, identity, moment)
            return
        counts = counts_of(point)
        if counts is None:
            current.tally.rejected["with buckets that do not fit their bounds, or counts beyond 64 bits"] += 1
            return
        series = self._series(current, identity, counts.bounds, current.zero_ns(instrument, point))
        if series is None:
            return
        if instrument.delta:
            again = not series.advances(point.time_unix_nano or moment, current.now_ns)
            counts = _added(series, counts, again=again)
        row = HistogramRow(
            series=series.row.id,
            time_ns=moment,
            count=counts.count,
            sum=counts.sum,
            buckets=counts.buckets,
            exemplars=exemplars_of(point),
        )
        current.batch.histograms.append(row)

    def _ended(self, current: _Request, identity: Identity, moment: int) -> None:
        """Only a series that has had points can end."""
        series = self._directory.known(identity)
        if series is None:
            return
        current.series[series.row.id] = series.row
        row = HistogramRow(series=series.row.id, time_ns=moment, count=0, sum=0.0, buckets=())
        current.batch.histograms.append(row)

    def _summary(self, current: _Request, identity: Identity, point: SummaryDataPoint) -> None:
        moment, ended = current.moment(point.time_unix_nano), bool(point.flags & _ENDED)
        values = [(identity.called("_sum"), point.sum), (identity.called("_count"), float(point.count))]
        quantiles = point.quantile_values[:MOST_QUANTILES]
        values += [(identity.labelled("quantile", repr(each.quantile)), each.value) for each in quantiles]
        for part, value in values:
            series = self._series(current, part)
            if series is not None:
                current.number(series, moment, STALE if ended else value)

    def _series(
        self, current: _Request, identity: Identity, bounds: tuple[float, ...] = (), zero_ns: int = 0
    ) -> Series | None:
        series = self._directory.get(identity, bounds, current.now_ns, zero_ns)
        if series is None:
            limit = self._directory.limit(identity.owner)
            current.tally.rejected[f"of new series, of which no more are kept than {limit}"] += 1
            current.tally.crowded[identity.owner] += 1
        else:
            current.series[series.row.id] = series.row
        return series


def _metrics(resource: ResourceMetrics) -> Iterable[Metric]:
    return (metric for scope in resource.scope_metrics for metric in scope.metrics)


def _identity(current: _Request, instrument: Instrument, labels: Labels) -> Identity:
    project = current.sender.project
    if current.sender.ours and project is None:
        project = next((value for name, value in labels if name == PROJECT_LABEL), None)
    return Identity(
        instrument.name,
        instrument.otel_name,
        instrument.kind,
        instrument.unit,
        instrument.description,
        labels,
        project,
    )


def _added(series: Series, counts: Counts, *, again: bool) -> Counts:
    """What a series comes to after a change; one that was sent before changes nothing."""
    if not series.buckets:
        series.buckets = [0] * len(counts.buckets)
    if not again:
        series.count = min(series.count + counts.count, LARGEST)
        series.value += counts.sum
        series.buckets = [min(sum(pair), LARGEST) for pair in zip(series.buckets, counts.buckets, strict=True)]
    return Counts(counts.bounds, tuple(series.buckets), series.count, series.value)
