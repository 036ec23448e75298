"""A marker in every field that a convention gives to people's words is found nowhere in what is stored."""

import json
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from apps.telemetry.tests.intake_world import NOW, SECOND, SPAN, TRACE, Intake, one_span, open_intake, put, set_value
from lumina_telemetry.intake import content

MARKER = "the-secret-that-somebody-wrote"
NAMES = [(one.name, pattern.replace("*", "0")) for one in content.TABLE for pattern in one.attributes]
EVENTS = [(one.name, pattern.replace("*", "user")) for one in content.TABLE for pattern in one.events]
OTHERS = [
    "gen_ai.prompt.0.content", "gen_ai.completion.0.tool_calls.0.arguments", "llm.input_messages.0.message.content",
    "llm.output_messages.1.message.tool_calls.0.tool_call.function.arguments", "llm.openai.messages", "llm.prompts.0",
    "llm.prompt_template.template", "llm.prompt_template.variables", "llm.invocation_parameters", "llm.tools.0.tool",
    "llm.openai.stringified_raw_response", "llm.request.functions.0.description", "llm.headers",
    "retrieval.documents.0.document.content", "embedding.embeddings.0.embedding.text",
    "reranker.input_documents.0.document.content", "metadata.requester_metadata", "langfuse.trace.input",
    "langfuse.observation.output", "langfuse.trace.metadata.note", "mlflow.trace.requestPreview", "input.value",
    "llm.anthropic.thinking", "llm.prompts", "llm.completions", "llm.chat.stop_sequences", "message.content",
    "message_content.text", "embedding.text.0", "embedding.vector.1", "audio.transcript.0", "image.url.2", "exception",
    "user_prompt", "span.annotations.0.annotation.explanation", "llm.evaluations.0.evaluation.explanation",
]  # fmt: skip
KEPT = [
    "gen_ai.request.model", "gen_ai.usage.input_tokens", "gen_ai.tool.name", "gen_ai.prompt.name", "llm.model_name",
    "llm.token_count.prompt", "llm.usage.total_tokens", "llm.request.type", "traceloop.entity.name",
    "openinference.span.kind", "session.id", "user.id", "mlflow.spanType", "litellm.call_id", "http.request.method",
    "metadata.user_api_key_team_id", "retrieval.documents.3.document.id", "exception.type", "message.role",
    "gen_ai.evaluation.score.value", "tool.name", "input.mime_type", "messaging.system",
    "input.rows", "output.bytes", "message.size", "message.id", "error.count", "error.type", "exception.count",
    "llm.retries", "llm.system", "llm.finish_reason", "llm.top_k", "llm.token_count.completion_details.reasoning",
    "gen_ai.completion.0.finish_reason", "k8s.deployment.annotations.owner", "retrieval.documents.0.document.score",
    "document.id", "embedding.model_name", "reranker.top_k", "inputs.count", "prompt.id",
]  # fmt: skip


@pytest.fixture
async def intake(tmp_path: Path) -> AsyncIterator[Intake]:
    async with open_intake(tmp_path) as intake:
        yield intake


def one_log(name: str = "", **fields: Any) -> tuple[ExportLogsServiceRequest, LogRecord]:
    request = ExportLogsServiceRequest()
    told = {"event_name": name, "time_unix_nano": NOW - SECOND, "trace_id": TRACE, "span_id": SPAN}
    return request, request.resource_logs.add().scope_logs.add().log_records.add(**told | fields)


def full_of_markers() -> tuple[ExportTraceServiceRequest, ExportLogsServiceRequest]:
    """A marker in all fields of the table: on a span, an event, a link, a log record, a resource, a scope, nested."""
    traces, span = one_span()
    logs, log = one_log()
    event, link = span.events.add(name="e", time_unix_nano=NOW), span.links.add(trace_id=TRACE, span_id=SPAN)
    resource = traces.resource_spans[0]
    nested = span.attributes.add(key="nested").value.array_value.values.add().kvlist_value.values
    for name in [*(name for _, name in NAMES), *OTHERS]:
        for attributes in (
            span.attributes, event.attributes, link.attributes, log.attributes, nested,
            resource.resource.attributes, resource.scope_spans[0].scope.attributes,
        ):  # fmt: skip
            set_value(attributes.add(key=name), MARKER)
    for _, name in EVENTS:
        put(span.events.add(name=name, time_unix_nano=NOW).attributes, content=MARKER, anything=MARKER)
        record = logs.resource_logs[0].scope_logs[0].log_records.add(time_unix_nano=NOW, event_name=name)
        record.body.kvlist_value.values.add(key="content").value.string_value = MARKER
    old = logs.resource_logs[0].scope_logs[0].log_records.add(time_unix_nano=NOW)
    put(old.attributes, event_name="gen_ai.content.prompt")
    old.body.string_value = MARKER
    span.status.message = f"BadRequestError: {MARKER}"
    return traces, logs


async def test_marker_is_nowhere_in_rows_or_in_what_is_passed_on(intake: Intake) -> None:
    traces, logs = full_of_markers()

    for path, request in (("traces", traces), ("logs", logs)):
        status, _, _ = await intake.post(request.SerializeToString(), path, x_lumina_project="p")
        assert status == 200

    stored = [row for table in ("spans", "logs", "resources") for row in await intake.rows(f"FROM {table}")]
    assert len(stored) > 3
    assert MARKER not in repr(stored)
    assert MARKER.encode() not in b"".join(body for _, body, _ in intake.forwarded)
    assert len(intake.forwarded) == 2
    assert intake.content == []


async def test_what_was_stripped_is_counted_by_convention(intake: Intake) -> None:
    await intake.post(full_of_markers()[0].SerializeToString())

    for convention in content.TABLE:
        assert intake.world.count("content_stripped", convention=convention.name) >= len(convention.attributes)


@pytest.mark.parametrize("name", OTHERS)
def test_content_is_known_as_such(name: str) -> None:
    assert content.of_attribute(name) is not None


@pytest.mark.parametrize("name", KEPT)
def test_what_is_no_content_is_kept(name: str) -> None:
    assert content.of_attribute(name) is None


async def test_what_was_stripped_goes_to_a_project_that_captures(intake: Intake) -> None:
    traces, span = one_span()
    put(span.attributes, input__value="who?", lumina__route="mine", http__route="/pay")
    event = span.events.add(name="gen_ai.user.message", time_unix_nano=NOW)
    put(event.attributes, content="hello", gen_ai__system="openai", role="user")
    logs, log = one_log("gen_ai.choice")
    log.body.string_value = "an answer"

    await intake.post(traces.SerializeToString(), x_lumina_project="p", x_lumina_capture="1")
    await intake.post(logs.SerializeToString(), "logs", x_lumina_project="p", x_lumina_capture="1")

    kept = [(record.kind, json.loads(msgspec.json.encode(record.body))) for record in intake.content]
    assert kept == [
        ("attributes", {"input.value": "who?"}),
        ("events", {"gen_ai.user.message": {"content": "hello"}}),
        ("events", {"gen_ai.choice": {"body": "an answer"}}),
    ]
    assert {(r.project, r.trace_id, r.span_id, r.source) for r in intake.content} == {
        ("p", TRACE.hex(), SPAN.hex(), "otlp")
    }
    [(attributes, events)] = await intake.rows("SELECT attributes, events FROM spans")
    assert json.loads(attributes) == {"http.route": "/pay"}
    assert json.loads(events)[0]["attributes"] == {"gen_ai.system": "openai", "role": "user"}


async def test_large_content_is_handed_on_cut(intake: Intake) -> None:
    traces, span = one_span()
    put(span.attributes, input__value="ä" * 2**20)

    await intake.post(traces.SerializeToString(), x_lumina_project="p", x_lumina_capture="1")

    [record] = intake.content
    assert record.cut
    assert (record.size_bytes or 0) > 2**21
    assert len(msgspec.json.encode(record)) < 2**21


async def test_of_an_exception_type_and_frames_stay(intake: Intake) -> None:
    trace = (
        "Traceback (most recent call last):\n"
        '  File "/app/shop.py", line 7, in pay\n'
        f"    raise ValueError('{MARKER}')\n"
        f"ValueError: {MARKER}\n  and {MARKER}\n"
        "\tat com.shop.Pay.run(Pay.java:12)\n    at async Object.pay (/app/pay.js:3:5)\n    at /app/pay.js:9:1\n"
        f"  at my home {MARKER}\n"
    )
    traces, span = one_span()
    span.status.code = Status.STATUS_CODE_ERROR
    span.status.message = f"ValueError: {MARKER}"
    put(
        span.events.add(name="exception").attributes,
        exception__type="ValueError", exception__message=MARKER, exception__stacktrace=trace,
    )  # fmt: skip

    await intake.post(traces.SerializeToString())

    [(status, message, events)] = await intake.rows("SELECT status, status_message, events FROM spans")
    kept = json.loads(events)[0]["attributes"]
    assert (status, message) == (2, "ValueError")
    assert kept["exception.type"] == "ValueError"
    assert kept["exception.stacktrace"].splitlines() == [
        '  File "/app/shop.py", line 7, in pay',
        "\tat com.shop.Pay.run(Pay.java:12)",
        "    at async Object.pay (/app/pay.js:3:5)",
        "    at /app/pay.js:9:1",
    ]
    assert MARKER not in events


async def test_texts_of_exceptions_stay_for_who_keeps_them(tmp_path: Path) -> None:
    traces, span = one_span()
    span.status.message = "ValueError: 7 is too many"
    put(span.attributes, exception__message="7 is too many", gen_ai__prompt=MARKER)

    async with open_intake(tmp_path, exception_texts=True) as intake:
        await intake.post(traces.SerializeToString())
        rows = await intake.rows("SELECT status_message, attributes FROM spans")

    assert rows == [("ValueError: 7 is too many", '{"exception.message":"7 is too many"}')]


async def test_flag_called_error_is_no_exception(intake: Intake) -> None:
    traces, span = one_span()
    put(span.attributes, error=True)

    await intake.post(traces.SerializeToString())

    assert await intake.rows("SELECT attributes FROM spans") == [('{"error":true}',)]


async def test_text_of_an_exception_goes_in_whatever_form_it_comes(intake: Intake) -> None:
    traces, span = one_span()
    span.attributes.add(key="exception.message").value.bytes_value = MARKER.encode()
    span.attributes.add(key="error").value.array_value.values.add(string_value=MARKER)
    span.attributes.add(key="exception.stacktrace").value.kvlist_value.values.add(key="a").value.string_value = MARKER

    await intake.post(traces.SerializeToString())

    assert await intake.rows("SELECT attributes FROM spans") == [("{}",)]


async def test_of_very_many_attributes_those_without_content_stay(intake: Intake) -> None:
    traces, span = one_span()
    for number in range(1500):
        put(span.attributes, gen_ai__prompt=MARKER)
        set_value(span.attributes.add(key=f"n{number}"), number)

    await intake.post(traces.SerializeToString())

    [(_, body, _)] = intake.forwarded
    [[passed]] = [scope.spans for scope in ExportTraceServiceRequest.FromString(body).resource_spans[0].scope_spans]
    assert [(pair.key, pair.value.int_value) for pair in passed.attributes] == [(f"n{n}", n) for n in range(1500)]


def test_names_from_outside_are_not_remembered_without_bound() -> None:
    tracemalloc.start()
    try:
        for number in range(2000):
            content.of_foreign_attribute(f"{number:05}{'x' * 4000}")
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert held < 2**20


async def test_others_cannot_use_the_names_of_lumina(intake: Intake) -> None:
    traces, span = one_span()
    put(span.attributes, lumina__route="mine", lumina__project__id="theirs", gen_ai__request__model="m")

    await intake.post(traces.SerializeToString(), x_lumina_project="p")

    rows = await intake.rows("SELECT ours, project, route, request_model, attributes FROM spans")
    assert rows == [(False, "p", None, "m", "{}")]
    assert intake.world.count("content_stripped", convention=content.RESERVED) == 2


async def test_lumina_itself_is_believed(intake: Intake) -> None:
    traces, span = one_span()
    put(span.attributes, lumina__route="fast", lumina__project__id="p", lumina__cost__nano_usd=12)

    await intake.post(traces.SerializeToString())

    assert await intake.rows("SELECT ours, project, route, cost_nano_usd FROM spans") == [(True, "p", "fast", 12)]
    assert intake.forwarded == [("traces", traces.SerializeToString(), 1)]


async def test_log_that_is_no_content_is_kept_whole(intake: Intake) -> None:
    logs, log = one_log()
    log.body.string_value = "card refused"
    put(log.attributes, code__function="pay")

    await intake.post(logs.SerializeToString(), "logs")

    assert await intake.rows("SELECT body, attributes FROM logs") == [("card refused", '{"code.function":"pay"}')]


async def test_marker_is_in_no_metric(intake: Intake) -> None:
    request = ExportMetricsServiceRequest()
    resource = request.resource_metrics.add()
    metric = resource.scope_metrics.add().metrics.add(name="m")
    point = metric.histogram.data_points.add(time_unix_nano=NOW)
    for attributes in (resource.resource.attributes, point.attributes, point.exemplars.add().filtered_attributes):
        put(attributes, gen_ai__prompt=MARKER, llm__prompts__0=MARKER, output="stdout")

    status, _, _ = await intake.post(request.SerializeToString(), "metrics", x_lumina_project="p")

    assert status == 200
    [(_, body, _)] = intake.forwarded
    assert MARKER.encode() not in body
    [scope] = ExportMetricsServiceRequest.FromString(body).resource_metrics[0].scope_metrics
    assert [pair.key for pair in scope.metrics[0].histogram.data_points[0].attributes] == ["output"]
