"""Requests as the OTLP specification has them, and answers as it wants them."""

import gzip
import json
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]  # it comes without types
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from apps.telemetry.tests.intake_world import (
    DAY,
    NOW,
    PROTOBUF,
    SECOND,
    SPAN,
    TRACE,
    Intake,
    one_span,
    open_intake,
    put,
)

JSON = "application/json"


@pytest.fixture
async def intake(tmp_path: Path) -> AsyncIterator[Intake]:
    async with open_intake(tmp_path) as intake:
        yield intake


def trace_in_json(**fields: Any) -> bytes:
    span = {
        "traceId": "5B8EFFF798038103D269B633813FC60C",
        "spanId": "EEE19B7EC3C1B174",
        "parentSpanId": "EEE19B7EC3C1B173",
        "name": "I'm a server span",
        "startTimeUnixNano": str(NOW - SECOND),
        "endTimeUnixNano": str(NOW),
        "kind": 2,
        "attributes": [
            {"key": "my.span.attr", "value": {"stringValue": "some value"}},
            {"key": "gen_ai.usage.input_tokens", "value": {"intValue": "12"}},
            {"key": "list", "value": {"arrayValue": {"values": [{"boolValue": True}, {"doubleValue": 0.5}]}}},
            {"key": "map", "value": {"kvlistValue": {"values": [{"key": "a", "value": {"intValue": 1}}]}}},
            {"key": "bytes", "value": {"bytesValue": "AAE="}},
            {"key": "empty", "value": {}},
        ],
        "status": {"code": 2},
        "somethingNew": {"traceId": "zz"},
    }
    scope = {"scope": {"name": "my.library", "version": "1.0.0"}, "spans": [span | fields]}
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "my.service"}}]}
    return json.dumps({"resourceSpans": [{"resource": resource, "scopeSpans": [scope]}], "unknown": 1}).encode()


async def test_spans_in_json_are_stored(intake: Intake) -> None:
    status, body, headers = await intake.post(trace_in_json(), media=JSON)

    assert (status, body, headers["content-type"]) == (200, b"{}", JSON)
    rows = await intake.rows(
        "SELECT name, kind, status, service, scope, input_tokens, duration_ns, attributes, span_id, parent_id"
        " FROM spans"
    )
    [(*told, attributes, span_id, parent_id)] = rows
    assert told == ["I'm a server span", 2, 2, "my.service", "my.library", 12, SECOND]
    assert json.loads(attributes) == {
        "my.span.attr": "some value", "list": [True, 0.5], "map": {"a": 1}, "bytes": "AAE=", "empty": None,
    }  # fmt: skip
    assert (span_id, parent_id) == (0xEEE19B7EC3C1B174, 0xEEE19B7EC3C1B173)


async def test_json_is_passed_on_as_protobuf(intake: Intake) -> None:
    await intake.post(trace_in_json(), media=JSON)

    [(signal, body, count)] = intake.forwarded
    assert (signal, count) == ("traces", 1)
    assert bytes.fromhex("5B8EFFF798038103D269B633813FC60C") in body


async def test_logs_in_json_are_stored(intake: Intake) -> None:
    record = {
        "timeUnixNano": str(NOW - SECOND),
        "severityNumber": 10,
        "severityText": "Information",
        "traceId": TRACE.hex(),
        "spanId": SPAN.hex(),
        "body": {"kvlistValue": {"values": [{"key": "said", "value": {"stringValue": "yes"}}]}},
    }
    body = json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [record, {"spanId": "abc"}]}]}]}).encode()

    status, _, _ = await intake.post(body, "logs", JSON)

    assert status == 200
    assert await intake.rows("SELECT time_ns, severity, body, span_id, service FROM logs ORDER BY time_ns") == [
        (NOW - SECOND, 10, '{"said":"yes"}', int.from_bytes(SPAN), "unknown_service"),
        (NOW, 0, "", 0, "unknown_service"),
    ]


async def test_answer_has_the_encoding_of_the_request(intake: Intake) -> None:
    request, _ = one_span()

    status, body, headers = await intake.post(request.SerializeToString())

    assert (status, headers["content-type"]) == (200, PROTOBUF)
    assert not ExportTraceServiceResponse.FromString(body).HasField("partial_success")


@pytest.mark.parametrize(("name", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress), ("identity", bytes)])
async def test_compressed_bodies_are_unpacked(intake: Intake, name: str, pack: Any) -> None:
    status, _, _ = await intake.post(pack(one_span()[0].SerializeToString()), content_encoding=name)

    assert status == 200
    assert len(await intake.rows("FROM spans")) == 1


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"trace_id": b"short"}, "trace id"),
        ({"trace_id": bytes(16)}, "trace id"),
        ({"span_id": b"longer than eight"}, "span id"),
        ({"parent_span_id": b"abc"}, "parent"),
        ({"start_time_unix_nano": 0}, "31 days"),
    ],
)
async def test_what_cannot_be_kept_is_a_partial_success(intake: Intake, fields: Any, reason: str) -> None:
    request, _ = one_span(**fields)
    request.MergeFrom(one_span()[0])

    status, body, _ = await intake.post(request.SerializeToString())

    partial = ExportTraceServiceResponse.FromString(body).partial_success
    assert (status, partial.rejected_spans) == (200, 1)
    assert reason in partial.error_message
    assert len(await intake.rows("FROM spans")) == 1
    assert intake.world.count("dropped", signal="spans", reason="rejected") == 1


async def test_partial_success_in_json(intake: Intake) -> None:
    _, body, _ = await intake.post(trace_in_json(traceId="no hexadecimal"), media=JSON)

    assert json.loads(body)["partialSuccess"]["rejectedSpans"] == "1"


async def test_old_logs_are_a_partial_success(intake: Intake) -> None:
    record = json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [{"timeUnixNano": "1"}]}]}]}).encode()
    _, answer, _ = await intake.post(record, "logs", JSON)
    assert "31 days" in json.loads(answer)["partialSuccess"]["errorMessage"]

    _, empty, _ = await intake.post(b"", "logs")
    assert ExportLogsServiceResponse.FromString(empty) == ExportLogsServiceResponse()


@pytest.mark.parametrize(
    ("body", "media", "encoding", "status"),
    [
        (b"\xff\xff", PROTOBUF, "", 400),
        (b"\x0a\xff\x01", PROTOBUF, "", 400),
        (b"not gzip", PROTOBUF, "gzip", 400),
        (b"{", JSON, "", 400),
        (b"[]", JSON, "", 400),
        (b'{"resourceSpans": 7}', JSON, "", 400),
        (b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"name": 7}]}]}]}', JSON, "", 400),
        (b"[" * 100_000, JSON, "", 400),
        (b'{"a":' * 900 + b"1" + b"}" * 900, JSON, "", 200),
        (b"{}", "text/plain", "", 415),
        (b"{}", JSON, "snappy", 415),
    ],
)
async def test_bad_request_is_told_why(intake: Intake, body: bytes, media: str, encoding: str, status: int) -> None:
    headers = {"content_encoding": encoding} if encoding else {}

    answered, told, answer = await intake.post(body, media=media, **headers)

    assert answered == status
    assert intake.world.count("otlp_requests", signal="traces", status=str(status)) == 1
    if status != 200:
        message = Status.FromString(told).message if answer["content-type"] == PROTOBUF else json.loads(told)["message"]
        assert len(message) > 10


@pytest.mark.parametrize("body", [b"not gzip", b"not gzip" * 200_000, gzip.compress(b"x") + b"rest"])
async def test_what_cannot_be_unpacked_writes_no_log(
    intake: Intake, caplog: pytest.LogCaptureFixture, body: bytes
) -> None:
    status, told, _ = await intake.post(body, content_encoding="gzip")
    after, _, _ = await intake.post(b"")

    assert (status, after) == (400, 200)
    assert Status.FromString(told).message == "The body cannot be unpacked as gzip. Check its content-encoding."
    assert caplog.records == []


async def test_reasons_are_sentences(intake: Intake) -> None:
    _, told, _ = await intake.post(b"{", media=JSON)

    assert json.loads(told)["message"].endswith("truncated. Send an OTLP export request.")


async def test_value_that_is_nested_too_deeply_is_refused(intake: Intake) -> None:
    request, span = one_span()
    value = span.attributes.add(key="deep").value
    for _ in range(200):
        value = value.array_value.values.add()

    status, _, _ = await intake.post(request.SerializeToString())

    assert status == 400


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
async def test_too_large_a_body_is_refused(tmp_path: Path, pack: Any) -> None:
    async with open_intake(tmp_path, body_bytes=100_000) as intake:
        headers = {"content_encoding": "gzip"} if pack is gzip.compress else {}
        status, body, _ = await intake.post(pack(bytes(50_000_000 if headers else 200_000)), **headers)

    assert status == 413
    assert "100000" in Status.FromString(body).message


async def test_full_queue_asks_for_patience(tmp_path: Path) -> None:
    request, _ = one_span()
    request.MergeFrom(one_span(span_id=b"another1")[0])
    async with open_intake(tmp_path, queue_rows=5) as intake:
        answers = [await intake.post(request.SerializeToString()) for _ in range(3)]

        assert [status for status, _, _ in answers] == [200, 429, 429]
        assert Status.FromString(answers[-1][1]).code == 8
        assert answers[-1][2]["retry-after"] == "1"
        assert len(await intake.rows("FROM spans")) == 2
        assert len(intake.forwarded) == 1


async def test_batch_that_never_fits_is_too_large(tmp_path: Path) -> None:
    request, _ = one_span()
    for number in range(9):
        request.MergeFrom(one_span(span_id=b"number %d" % number)[0])
    async with open_intake(tmp_path, queue_rows=10) as intake:
        status, _, _ = await intake.post(request.SerializeToString())

    assert status == 413


async def test_clock_that_is_ahead_does_not_keep_the_top(intake: Intake) -> None:
    tomorrow = NOW + 86_400 * SECOND
    request, _ = one_span(start_time_unix_nano=tomorrow, end_time_unix_nano=tomorrow - 5)
    same = trace_in_json(startTimeUnixNano=str(tomorrow), endTimeUnixNano=str(tomorrow + 1), spanId="0" * 15 + "1")

    await intake.post(request.SerializeToString())
    await intake.post(same, media=JSON)

    assert await intake.rows("SELECT time_ns, start_ns, duration_ns FROM spans ORDER BY duration_ns") == [
        (NOW, tomorrow, 0),
        (NOW, tomorrow, 1),
    ]


@pytest.mark.parametrize("end", [NOW + 32 * DAY, 2**64 - 1])
async def test_times_that_make_no_sense_are_a_partial_success(intake: Intake, end: int) -> None:
    request, _ = one_span()
    request.MergeFrom(one_span(span_id=b"eternity", start_time_unix_nano=end, end_time_unix_nano=end)[0])
    request.MergeFrom(one_span(span_id=b"open end", end_time_unix_nano=end)[0])

    _, answer, _ = await intake.post(request.SerializeToString())

    partial = ExportTraceServiceResponse.FromString(answer).partial_success
    assert partial.rejected_spans == 2
    assert "31 days in the future" in partial.error_message
    assert len(await intake.rows("FROM spans")) == 1


async def test_clock_a_day_behind_is_kept(intake: Intake) -> None:
    yesterday = NOW - 86_400 * SECOND
    await intake.post(one_span(start_time_unix_nano=yesterday, end_time_unix_nano=yesterday + 1)[0].SerializeToString())

    assert await intake.rows("SELECT time_ns FROM spans") == [(yesterday,)]


async def test_too_much_on_a_span_is_cut_and_counted(intake: Intake) -> None:
    request, span = one_span(dropped_attributes_count=2)
    for number in range(10_000):
        span.attributes.add(key=f"a{number}").value.int_value = number
    span.attributes.add(key="k" * 1000).value.int_value = 1
    put(span.attributes, gen_ai__request__model="m", http__request__method="x" * 10_000)
    for number in range(1000):
        span.events.add(name=f"e{number}")
        span.links.add(trace_id=TRACE, span_id=SPAN)
    values = span.events[0].attributes.add(key="list").value.array_value.values
    values.extend(values.add() for _ in range(1000))

    status, _, _ = await intake.post(request.SerializeToString())

    assert status == 200
    [(model, attributes, events, links)] = await intake.rows(
        "SELECT request_model, attributes, events, links FROM spans"
    )
    kept = json.loads(attributes)
    assert model == "m"
    assert len(kept) == 256
    assert kept["otel.dropped_attributes_count"] == 10_003 - 256 + 2
    assert len(json.loads(events)) == len(json.loads(links)) == 256
    for reason, count in (("too_many_attributes", 10_003 - 256), ("too_many_events", 744), ("too_many_links", 744)):
        assert intake.world.count("dropped", signal="spans", reason=reason) == count


async def test_long_texts_are_cut(intake: Intake) -> None:
    request, span = one_span(name="n" * 25_000)
    put(span.attributes, long="x" * 100_000)
    put(request.resource_spans[0].resource.attributes, service__name="s" * 5_000)

    await intake.post(request.SerializeToString())

    [(*names, attributes)] = await intake.rows("SELECT name, service, attributes FROM spans")
    assert ([len(name) for name in names], len(json.loads(attributes)["long"])) == ([256, 256], 8192)
    assert intake.world.count("dropped", signal="spans", reason="name_too_long") == 2
    assert intake.world.count("dropped", signal="spans", reason="value_too_long") == 1


async def test_value_of_another_type_than_its_column_stays_an_attribute(intake: Intake) -> None:
    request, span = one_span()
    put(span.attributes, gen_ai__usage__input_tokens="many", gen_ai__request__model=5, lumina__cost__nano_usd=-5)
    put(span.attributes, gen_ai__response__time_to_first_chunk=3, http__response__status_code=True)
    span.attributes.add(key="nan").value.double_value = float("nan")

    await intake.post(request.SerializeToString())

    [(tokens, first, attributes)] = await intake.rows("SELECT input_tokens, first_chunk_seconds, attributes FROM spans")
    assert (tokens, first) == (None, 3.0)
    assert json.loads(attributes) == {
        "gen_ai.usage.input_tokens": "many", "gen_ai.request.model": 5, "lumina.cost.nano_usd": -5,
        "http.response.status_code": True, "nan": None,
    }  # fmt: skip
