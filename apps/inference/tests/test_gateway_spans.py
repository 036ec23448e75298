"""Attribution: spans and metrics, decoded by OpenTelemetry's own messages, and trace context. Never any content."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from io import StringIO
from typing import Any

import pytest
from aiohttp import web
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from apps.inference.tests.gateway_world import (
    BACKEND_KEY,
    KEYS,
    METRICS_KEY,
    STREAM,
    USER_KEY,
    Running,
    backend,
    chat_body,
    gateway,
    plain_chat,
    provider,
    snapshot,
    streaming,
)
from apps.inference.tests.spans_world import BODY, SECRET_PROMPT, Receiver, receiver, traced, values
from lumina_contracts import attributes as names
from lumina_contracts.snapshot import KeysPart, Policy, Route, RoutesPart, sealed
from lumina_inference.gateway.accesslog import AccessLog
from lumina_inference.gateway.tracecontext import begin

TRACE_ID, PARENT_ID = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = f"00-{TRACE_ID}-{PARENT_ID}-01"


async def test_span_of_a_chat_says_who_asked_what_answered_and_what_it_cost() -> None:
    known: Any = {"model_version": "3", "model_sha256": "d" * 64, "quantization": "Q4_K_M"}
    prices: Any = {"input_nano_usd_per_token": 150.0, "output_nano_usd_per_token": 600.0}
    async with traced(**known, **prices) as (running, otlp, upstream):
        _, _, headers = await running.post("/v1/chat/completions", BODY)
        span = await otlp.span()

    assert (span.name, span.kind) == ("chat m", Span.SPAN_KIND_CLIENT)
    assert span.trace_id.hex() == headers["x-lumina-trace-id"]
    assert span.parent_span_id == b""
    assert 0 < span.end_time_unix_nano - span.start_time_unix_nano < 60e9
    found = values(span.attributes)
    found.pop("lumina.snapshot.version")
    prompt = upstream.raw[0].split(b'"messages":')[1].removesuffix(b"}")
    assert found == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "m",
        "gen_ai.request.stream": False,
        "gen_ai.response.id": "chatcmpl-1",
        "gen_ai.response.model": "served-model-1",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.usage.input_tokens": 7,
        "gen_ai.usage.output_tokens": 3,
        "server.address": "127.0.0.1",
        "server.port": int(upstream.url.split(":")[2].removesuffix("/v1")),
        "http.response.status_code": 200,
        "lumina.request.id": headers["x-request-id"],
        "lumina.route": "m",
        "lumina.backend": "b1",
        "lumina.model.version": "3",
        "lumina.model.sha256": "d" * 64,
        "lumina.model.quantization": "Q4_K_M",
        "lumina.project.id": "p1",
        "lumina.key.id": "k1",
        "lumina.prompt.rendered_sha256": sha256(prompt).hexdigest(),
        "lumina.cost.nano_usd": 7 * 150 + 3 * 600,
        "lumina.config.sha256": "c" * 64,
    }
    assert found.keys() <= {attribute.name for attribute in names.SPAN_ATTRIBUTES}


async def test_span_of_a_stream_has_its_usage_and_the_time_to_its_first_event() -> None:
    async with traced(streaming(*STREAM)) as (running, otlp, _):
        await running.post("/v1/chat/completions", BODY | {"stream": True})
        found = values((await otlp.span()).attributes)

    assert found["gen_ai.request.stream"] is True
    assert found["gen_ai.usage.output_tokens"] == 2
    assert found["gen_ai.response.finish_reasons"] == ["stop"]
    assert found["gen_ai.response.time_to_first_chunk"] > 0


async def test_span_of_a_broken_stream_tells_its_error() -> None:
    async with traced(streaming(*STREAM[:2], cut=True)) as (running, otlp, _):
        await running.post("/v1/chat/completions", BODY | {"stream": True})
        span = await otlp.span()

    assert span.status.code == Status.STATUS_CODE_ERROR
    assert values(span.attributes)["error.type"] == "backend_failed"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("status", "code", "told"),
    [(400, "free-text-7f3a", "400"), (529, None, "529"), (429, None, "rate_limit_exceeded")],
)
async def test_what_a_backend_calls_its_error_is_neither_a_label_nor_logged(
    status: int, code: str | None, told: str, stream: bool
) -> None:
    async def answer(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        return web.json_response({"error": {"message": "no", "type": "free-text-7f3a", "code": code}}, status=status)

    output = StringIO()
    async with (
        provider(answer) as upstream,
        gateway(snapshot(backend(upstream.url)), access_log=AccessLog(output, "json")) as running,
    ):
        _, refused, _ = await running.post("/v1/chat/completions", BODY | {"stream": stream, "num_retries": 0})
        _, shown, _ = await running.get("/metrics", api_key=METRICS_KEY)

    assert refused["error"]["type"] == "free-text-7f3a"
    assert f'error_type="{told}"' in shown
    assert "free-text" not in shown + output.getvalue()


@pytest.mark.parametrize(("api_key", "error"), [(USER_KEY, "model_not_found"), ("nobody", "invalid_api_key")])
async def test_model_that_no_route_has_is_recorded_as_unknown(api_key: str, error: str) -> None:
    async with traced() as (running, otlp, _):
        await running.post("/v1/chat/completions", BODY | {"model": "attacker-chosen"}, api_key=api_key)
        span = await otlp.span()

    assert span.name == "chat unknown"
    assert values(span.attributes)["error.type"] == error
    assert b"attacker-chosen" not in span.SerializeToString()


async def test_what_a_backend_says_is_no_place_for_text() -> None:
    async def echo(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        said = chat_body(id=SECRET_PROMPT, model="m" * 300)
        said["choices"][0]["finish_reason"] = SECRET_PROMPT
        return web.json_response(said)

    async with traced(echo) as (running, otlp, _):
        await running.post("/v1/chat/completions", BODY)
        found = values((await otlp.span()).attributes)

    assert (found["gen_ai.response.id"], found["gen_ai.response.model"]) == ("unknown", "unknown")
    assert found["gen_ai.response.finish_reasons"] == ["unknown"]


@asynccontextmanager
async def falling_back(answer: Any) -> AsyncIterator[tuple[Running, Receiver]]:
    """A route `m` whose backend gives this answer, and its fallback `other`, whose backend works."""
    kinds = ("chat",)
    async with receiver() as otlp, provider(answer) as bad, provider(plain_chat) as good:
        policy = Policy(fallbacks=("other",), num_retries=0)
        first = Route(name="m", backends=(backend(bad.url),), kinds=kinds, created=1, policy=policy)
        other = Route(name="other", backends=(backend(good.url, id="b2"),), kinds=kinds, created=1)
        whole = sealed(RoutesPart(routes=(first, other), config_sha256="c" * 64), KeysPart(keys=KEYS))
        environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": otlp.url}
        async with gateway(whole, environ=environ, span_flush_seconds=0.01) as running:
            yield running, otlp


async def broken(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
    return web.Response(status=500)


async def refusing(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
    return web.json_response({"error": {"message": "no"}}, status=400)


@pytest.mark.parametrize(
    ("answer", "stream", "route", "backend_id", "error"),
    [
        (plain_chat, False, "m", "b1", None),
        (streaming(*STREAM), True, "m", "b1", None),
        (broken, False, "other", "b2", None),
        (refusing, False, "m", "b1", "400"),
        (streaming(*STREAM[:2], cut=True), True, "m", "b1", "backend_failed"),
    ],
)
async def test_span_says_what_served_a_request_however_it_ended(
    answer: Any, stream: bool, route: str, backend_id: str, error: str | None
) -> None:
    async with falling_back(answer) as (running, otlp):
        _, _, headers = await running.post("/v1/chat/completions", BODY | {"stream": stream})
        span = await otlp.span()

    found = values(span.attributes)
    assert (found["lumina.route"], found["lumina.backend"], found.get("error.type")) == (route, backend_id, error)
    assert (found["lumina.key.id"], found["lumina.project.id"]) == ("k1", "p1")
    assert (found["gen_ai.request.model"], found["gen_ai.provider.name"]) == ("m", "openai")
    assert (found["lumina.request.id"], span.trace_id.hex()) == (
        headers["x-request-id"],
        headers["x-lumina-trace-id"],
    )
    assert len(found["lumina.prompt.rendered_sha256"]) == len(found["lumina.config.sha256"]) == 64
    assert found["lumina.snapshot.version"]
    assert found.get("lumina.attempt.fallbacks", 0) == (route == "other")
    assert [event.name for event in span.events] == ["lumina.attempt.failed"] * (answer in (broken, refusing))


async def test_requests_that_are_no_inference_leave_a_span_too() -> None:
    async with traced() as (running, otlp, _):
        await running.get("/v1/models/nope")
        span = await otlp.span()

    assert (span.name, span.kind) == ("GET /v1/models/{model}", Span.SPAN_KIND_SERVER)


async def test_neither_prompt_nor_answer_nor_key_is_in_spans_metrics_or_logs(capfd: pytest.CaptureFixture[str]) -> None:
    async with traced() as (running, otlp, _):
        await running.post("/v1/chat/completions?q=hidden-query", BODY)
        exported = await otlp.wait("/v1/traces") + await otlp.wait("/v1/metrics")
        _, shown, _ = await running.get("/metrics", api_key=METRICS_KEY)

    told = exported.decode("latin-1") + shown + str(capfd.readouterr())
    assert "chatcmpl-1" in told
    for secret in (SECRET_PROMPT, '"hello"', USER_KEY, BACKEND_KEY, "hidden-query"):
        assert secret not in told


async def test_callers_trace_goes_on_through_the_span_to_the_backend() -> None:
    async with traced() as (running, otlp, upstream):
        await running.post("/v1/chat/completions", BODY, traceparent=PARENT, tracestate="vendor=1")
        span = await otlp.span()

    assert (span.trace_id.hex(), span.parent_span_id.hex(), span.trace_state) == (TRACE_ID, PARENT_ID, "vendor=1")
    assert upstream.headers[0]["traceparent"] == f"00-{TRACE_ID}-{span.span_id.hex()}-01"
    assert upstream.headers[0]["tracestate"] == "vendor=1"


async def test_trace_reaches_the_backend_when_nothing_is_exported() -> None:
    async with provider(plain_chat) as upstream, gateway(snapshot(backend(upstream.url))) as running:
        await running.post("/v1/chat/completions", BODY, traceparent=PARENT)

    assert upstream.headers[0]["traceparent"].startswith(f"00-{TRACE_ID}-")


@pytest.mark.parametrize(
    "broken",
    [
        None,
        "",
        "garbage",
        f"00-{'0' * 32}-{PARENT_ID}-01",
        f"00-{TRACE_ID}-{'0' * 16}-01",
        f"ff-{TRACE_ID}-{PARENT_ID}-01",
        f"{PARENT}-extra",
        PARENT.upper(),
    ],
)
def test_broken_traceparent_begins_a_new_trace(broken: str | None) -> None:
    trace = begin(broken, "vendor=1")

    assert trace.trace_id != TRACE_ID
    assert (trace.parent_id, trace.state, trace.flags) == ("", "", "01")


def test_traceparent_of_a_later_version_is_understood() -> None:
    assert begin(f"01-{TRACE_ID}-{PARENT_ID}-00-more", None).parent_id == PARENT_ID


async def test_json_log_line_has_the_fields_of_the_other_logs() -> None:
    output = StringIO()
    log = AccessLog(output, "json")
    async with provider(plain_chat) as upstream, gateway(snapshot(backend(upstream.url)), access_log=log) as running:
        _, _, headers = await running.post("/v1/chat/completions?secret=query", BODY)

    line = json.loads(output.getvalue())
    assert (line["event"], line["level"], line["part"], line["status"]) == ("request", "info", "gateway", 200)
    assert (line["path"], line["model"], line["backend"]) == ("/v1/chat/completions", "m", "b1")
    assert line["server"] == upstream.url.removeprefix("http://").removesuffix("/v1")
    assert line["trace_id"] == headers["x-lumina-trace-id"]


async def test_log_line_of_a_failure_names_the_host_of_the_backend_but_no_credential() -> None:
    output = StringIO()
    url = "http://someone:hidden-word@127.0.0.1:9/v1"
    async with gateway(snapshot(backend(url)), access_log=AccessLog(output, "console")) as running:
        await running.post("/v1/chat/completions", BODY | {"num_retries": 0})

    assert " b1 backend_unreachable server=127.0.0.1:9 " in output.getvalue()
    assert "hidden-word" not in output.getvalue()


async def test_text_log_line_fits_a_terminal() -> None:
    output = StringIO()
    async with gateway(snapshot(), access_log=AccessLog(output, "console")) as running:
        await running.get("/v1/models/attacker-chosen")

    assert " [info] request GET /v1/models/{model} 404 " in output.getvalue()
    assert "attacker-chosen" not in output.getvalue()
