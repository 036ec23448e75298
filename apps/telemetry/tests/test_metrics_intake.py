import math
from typing import Any

import msgspec
import pytest
from opentelemetry.proto.metrics.v1.metrics_pb2 import DataPointFlags, Metric
from structlog.testing import capture_logs

from apps.telemetry.tests.metrics_world import (
    CUMULATIVE,
    DELTA,
    NOW,
    SECOND,
    THEIRS,
    Intake,
    counter,
    gauge,
    histogram,
)
from lumina_contracts.attributes import METRICS
from lumina_telemetry.intake.naming import label_name, metric_name
from lumina_telemetry.intake.sender import Sender
from lumina_telemetry.intake.series import FORGOTTEN_NS
from lumina_telemetry.rows import STALE
from lumina_telemetry.settings import TelemetrySettings

PROJECT: dict[str, Any] = {"lumina.project.id": "p2"}
ENDED = DataPointFlags.DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK


@pytest.mark.parametrize(
    ("name", "unit", "kind", "expected"),
    [
        ("http.server.request.duration", "s", "histogram", "http_server_request_duration_seconds"),
        ("system.memory.usage", "By", "gauge", "system_memory_usage_bytes"),
        ("system.cpu.utilization", "1", "gauge", "system_cpu_utilization_ratio"),
        ("jobs.done", "{job}", "counter", "jobs_done_total"),
        ("total.jobs", "", "counter", "jobs_total"),
        ("disk.speed", "By/s", "gauge", "disk_speed_bytes_per_second"),
        ("lumina_telemetry_received", "", "counter", "lumina_telemetry_received_total"),
        ("process_cpu_seconds", "s", "counter", "process_cpu_seconds_total"),
        ("2xx..answers", "", "gauge", "_2xx_answers"),
        ("température", "Cel", "gauge", "temp_rature_celsius"),
    ],
)
def test_names_follow_the_specification(name: str, unit: str, kind: str, expected: str) -> None:
    assert metric_name(name, unit, kind) == expected


def test_luminas_own_metrics_have_the_names_of_its_table() -> None:
    assert [metric_name(each.name, each.unit, each.kind) for each in METRICS] == [each.prometheus for each in METRICS]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("http.method", "http_method"), ("1st", "key_1st"), ("__name__", "key__name__"), ("a-b", "a_b")],
)
def test_labels_are_made_valid(name: str, expected: str) -> None:
    assert label_name(name) == expected


def test_points_become_rows_with_job_and_instance() -> None:
    decoded = Intake().take(counter("orders", 5, seconds=10, **{"pay.kind": "card"}))

    [series], [number] = decoded.batch.series, decoded.batch.numbers
    assert (series.name, series.kind, series.otel_name) == ("orders_total", "counter", "orders")
    assert msgspec.json.decode(series.labels) == {"pay_kind": "card", "job": "shop", "instance": "1"}
    assert (number.series, number.time_ns, number.value) == (series.id, NOW + 10 * SECOND, 5.0)


def test_changes_are_added_up_and_one_that_comes_again_counts_once() -> None:
    intake = Intake()

    sent = [counter("orders", 5, 10, temporality=DELTA), counter("orders", 2, 20, temporality=DELTA)]
    values = [intake.take(each).batch.numbers[0].value for each in [*sent, sent[1]]]

    assert values == [5, 7, 7]


def test_changes_of_a_histogram_are_added_up() -> None:
    intake = Intake()

    intake.take(histogram("wait", [1, 2, 0], 10, temporality=DELTA))
    [row] = intake.take(histogram("wait", [1, 0, 4], 20, temporality=DELTA)).batch.histograms

    assert (row.buckets, row.count, row.sum) == ((2, 2, 4), 8, 8.0)


def test_exemplars_are_kept_where_they_lead_to_a_trace() -> None:
    decoded = Intake().take(histogram("wait", [0, 1, 0], trace="ab" * 16), histogram("other", [0, 1, 0]))

    with_trace, without = decoded.batch.histograms
    assert msgspec.json.decode(with_trace.exemplars or "") == [
        {"value": 0.5, "time_ns": NOW, "trace_id": "ab" * 16, "span_id": "01" * 8}
    ]
    assert without.exemplars is None


def exponential(scale: int, offset: int, counts: list[int], **fields: Any) -> Metric:
    metric = Metric(name="size")
    metric.exponential_histogram.aggregation_temporality = CUMULATIVE
    point = metric.exponential_histogram.data_points.add(
        scale=scale, count=sum(counts), sum=1.0, time_unix_nano=NOW, **fields
    )
    point.positive.offset = offset
    point.positive.bucket_counts.extend(counts)
    return metric


@pytest.mark.parametrize("scale", [-3, 0, 1, 5, 20])
def test_exponential_buckets_hold_what_is_below_their_bounds(scale: int) -> None:
    """A bucket of scale s and index 0 ends at 2^(2^-s): what it counts is at most the bound it comes under."""
    [row] = Intake().take(exponential(scale, 0, [7])).batch.histograms
    [series] = Intake().take(exponential(scale, 0, [7])).batch.series

    place = row.buckets.index(7)

    assert len(row.buckets) == len(series.bounds) + 1
    assert series.bounds[place] >= min(2 ** (2.0**-scale), 2**40) * 0.999999
    assert series.bounds[place - 1] < 2 ** (2.0**-scale)


def test_zeros_and_negative_values_are_in_the_first_exponential_bucket() -> None:
    metric = exponential(0, 0, [1], zero_count=3)
    metric.exponential_histogram.data_points[0].negative.bucket_counts.append(2)

    [row] = Intake().take(metric).batch.histograms

    assert row.buckets[0] == 5


def test_values_beyond_the_fixed_scale_are_counted_at_its_ends() -> None:
    [row] = Intake().take(exponential(20, 2**31 - 1, [1]), exponential(-10, -(2**31), [1])).batch.histograms[:1]

    assert row.buckets[-1] == 1


def test_summaries_become_quantiles_sum_and_count() -> None:
    metric = Metric(name="rpc", unit="s")
    point = metric.summary.data_points.add(count=4, sum=2.0, time_unix_nano=NOW)
    point.quantile_values.add(quantile=0.5, value=0.3)

    decoded = Intake().take(metric)

    names = {series.id: (series.name, "quantile" in series.labels) for series in decoded.batch.series}
    assert {(names[row.series], row.value) for row in decoded.batch.numbers} == {
        (("rpc_seconds", True), 0.3),
        (("rpc_seconds_sum", False), 2.0),
        (("rpc_seconds_count", False), 4.0),
    }


def test_a_series_that_ends_is_marked() -> None:
    intake = Intake()
    intake.take(histogram("wait", [1, 0, 0]))
    number, ended = gauge("load", 0), histogram("wait", [])
    number.gauge.data_points[0].flags = int(ENDED)
    ended.histogram.data_points[0].flags = int(ENDED)

    batch = intake.take(number, ended).batch

    assert [row.value for row in batch.numbers] == [STALE]
    assert [row.buckets for row in batch.histograms] == [()]
    assert {row.series for row in batch.histograms} <= {series.id for series in batch.series}


def test_what_makes_no_sense_is_refused_with_the_reason_and_the_rest_is_taken() -> None:
    unordered = histogram("wait", [1, 0, 0])
    unordered.histogram.data_points[0].explicit_bounds[:] = [2.0, 1.0]
    timeless = counter("orders", 1)
    timeless.sum.ClearField("aggregation_temporality")
    many: dict[str, Any] = {f"label{number}": "x" for number in range(70)}
    crowded = gauge("crowded", 1, **many)

    decoded = Intake().take(unordered, timeless, crowded, gauge("", 1), gauge("load", 1))

    assert (decoded.rejected, len(decoded.batch.numbers)) == (4, 1)
    for part in ("buckets", "temporality", "labels", "without a name"):
        assert part in decoded.message


def test_more_series_than_allowed_are_refused_until_old_ones_are_forgotten() -> None:
    intake = Intake(TelemetrySettings(series=2))

    decoded = intake.take(*hosts(3), sender=THEIRS)
    intake.clock.now_ns += FORGOTTEN_NS + 120 * SECOND
    later = intake.take(gauge("load", 1, host="9"), sender=THEIRS)

    assert (decoded.rejected, len(decoded.batch.numbers), later.rejected) == (1, 2, 0)
    assert decoded.dropped == {"too_many_series": 1}
    assert "(telemetry.series)" in decoded.message


def hosts(count: int) -> list[Metric]:
    return [gauge("load", 1, host=str(number)) for number in range(count)]


def test_a_noisy_project_crowds_out_neither_another_one_nor_lumina() -> None:
    intake = Intake(TelemetrySettings(series=3, series_together=5))
    another, third = (Sender(project=project, ours=False) for project in ("p2", "p3"))

    noisy = intake.take(*hosts(9), sender=THEIRS)
    others = [intake.take(*hosts(2), sender=sender) for sender in (another, third)]
    own = intake.take(*hosts(9), gauge("lumina.gateway.budget.used", 1, **PROJECT))

    assert (noisy.rejected, [each.rejected for each in others], own.rejected) == (6, [0, 2], 0)
    assert "5 of all projects together (telemetry.series_together)" in others[1].message


def test_the_operator_is_told_of_refused_series_once_a_minute_and_project() -> None:
    intake = Intake(TelemetrySettings(series=1))

    with capture_logs() as told:
        for sender in (THEIRS, THEIRS, Sender(project="p2", ours=False)):
            intake.take(*hosts(3), sender=sender)

    assert [(each["log_level"], each["project"], each["limit"]) for each in told] == [
        ("warning", project, "1 of a project (telemetry.series)") for project in ("p1", "p2")
    ]


def test_strangers_cannot_speak_as_lumina() -> None:
    decoded = Intake().take(
        gauge("lumina.gateway.in_flight", 1), gauge("load", 1, lumina_route="x", **PROJECT),
        sender=THEIRS,
    )  # fmt: skip

    [series] = decoded.batch.series
    assert decoded.rejected == 1
    assert series.project == "p1"
    assert msgspec.json.decode(series.labels) == {"job": "shop", "instance": "1", "lumina_project_id": "p1"}


def test_luminas_own_points_belong_to_the_project_they_name() -> None:
    [series] = Intake().take(gauge("load", 1, **PROJECT)).batch.series

    assert series.project == "p2"


def test_labels_that_conventions_of_spans_call_content_tell_series_apart() -> None:
    batch = Intake().take(*(gauge("load", 1, error=each, output="stdout") for each in ("timeout", "refused"))).batch

    assert len({row.series for row in batch.numbers}) == 2


def test_labels_are_bounded_together() -> None:
    long: dict[str, Any] = {f"{number}{'x' * 200}": "y" * 512 for number in range(10)}
    one: dict[str, Any] = {"n" * 5000: "x"}

    decoded = Intake().take(gauge("load", 1, **long), gauge("load", 1, **one))

    assert (decoded.rejected, decoded.batch.numbers) == (2, [])
    assert "too long" in decoded.message


LARGEST = 2**64 - 1


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("histogram", {"count": LARGEST, "bucket_counts": [1, 1], "explicit_bounds": [1.0]}),
        ("histogram", {"bucket_counts": [LARGEST, 1], "explicit_bounds": [1.0]}),
        ("histogram", {"explicit_bounds": [1.0] * 300}),
        ("exponential_histogram", {"zero_count": LARGEST}),
        ("exponential_histogram", {"positive": {"bucket_counts": [LARGEST]}}),
        ("exponential_histogram", {"negative": {"bucket_counts": [LARGEST, LARGEST]}}),
        ("exponential_histogram", {"positive": {"bucket_counts": [0] * 20_000}}),
    ],
)
def test_counts_that_nothing_can_hold_are_refused(kind: str, fields: dict[str, Any]) -> None:
    metric = Metric(name="size")
    data = getattr(metric, kind)
    data.aggregation_temporality = CUMULATIVE
    data.data_points.add(time_unix_nano=NOW, **fields)

    decoded = Intake().take(metric, gauge("load", 1))

    assert (decoded.rejected, len(decoded.batch.numbers), decoded.batch.histograms) == (1, 1, [])


def test_changes_never_add_up_to_more_than_the_store_can_hold() -> None:
    intake = Intake()

    rows = [
        intake.take(histogram("wait", [2**61, 2**60, 0], seconds, temporality=DELTA)).batch.histograms[0]
        for seconds in range(1, 6)
    ]

    assert max(rows[-1].count, *rows[-1].buckets) == 2**63 - 1


def test_change_that_is_no_number_changes_nothing() -> None:
    intake = Intake()

    values = [
        intake.take(counter("orders", value, seconds, temporality=DELTA)).batch.numbers[0].value
        for seconds, value in enumerate((5, math.nan, math.inf, 2), start=1)
    ]

    assert values == [5, 5, 5, 7]


def test_changes_count_again_soon_after_a_clock_was_set_right() -> None:
    intake = Intake()
    intake.take(counter("orders", 5, seconds=86_400, temporality=DELTA))
    intake.clock.now_ns += 600 * SECOND

    [row] = intake.take(counter("orders", 2, seconds=1200, temporality=DELTA)).batch.numbers

    assert row.value == 7


def test_newest_exemplars_are_kept_and_none_that_is_no_number() -> None:
    metric = histogram("wait", [0, 1, 0])
    for second in range(12):
        metric.histogram.data_points[0].exemplars.add(
            as_double=math.nan if second == 3 else second, time_unix_nano=NOW - second * SECOND, trace_id=b"\1" * 16
        )

    [row] = Intake().take(metric).batch.histograms

    kept = msgspec.json.decode(row.exemplars or "")
    assert sorted(each["value"] for each in kept) == [0, 1, 2, 4, 5, 6, 7, 8, 9, 10]


def test_a_clock_that_is_ahead_does_not_put_points_into_the_future() -> None:
    intake = Intake()

    [row] = intake.take(gauge("load", 1, seconds=86_400)).batch.numbers

    assert row.time_ns == intake.clock.now_ns
