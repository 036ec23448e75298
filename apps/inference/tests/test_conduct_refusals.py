"""What a backend refuses for good reason, and whose answer is reported and billed."""

import json
from typing import Any

import openai
import pytest
from aiohttp import web

from apps.inference.tests.faulty_provider import (
    BODY,
    FaultyProvider,
    asked,
    at_rest,
    cut,
    faulty,
    gateway_of,
    good,
    refuses,
    route,
    routes,
    said,
    standing,
    streams,
    told,
)
from apps.inference.tests.gateway_world import ADMIN_KEY, CHAT, STREAM, backend, chunk, gateway, provider, streaming
from apps.inference.tests.spans_world import receiver, values
from lumina_contracts.snapshot import Tolerance

OVERFLOW = "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens."
PREFILL = "This model does not support assistant message prefill. The conversation must end with a user message."


@pytest.mark.parametrize("stream", [False, True])
async def test_context_overflow_goes_to_a_larger_model_and_not_to_the_same_one(stream: bool) -> None:
    act = refuses(400, "context_length_exceeded", OVERFLOW)
    async with faulty(act) as primary, faulty(act, name="twin") as twin, faulty(name="large") as large:
        first = route(primary.backend(), twin.backend(), context_window_fallbacks=("large",), fallbacks=("m",))
        async with gateway_of(first, route(large.backend(), name="large")) as running:
            status, _, headers = await asked(running, stream=stream)
            reason = standing(running).breaker.reason

    assert (status, headers["x-lumina-backend"]) == (200, "large")
    assert headers["x-litellm-attempted-fallbacks"] == "1"
    assert primary.hits + twin.hits == 1
    assert reason is None


async def test_context_overflow_without_a_larger_model_is_told_and_not_tried_again() -> None:
    async with faulty(refuses(400, message=OVERFLOW)) as primary, gateway_of(route(primary.backend())) as running:
        with pytest.raises(openai.BadRequestError) as raised:
            await running.sdk().chat.completions.create(**BODY)

    assert raised.value.code == "context_length_exceeded"
    assert primary.hits == 1


@pytest.mark.parametrize("stream", [False, True])
async def test_answer_cut_by_a_content_filter_is_passed_on_with_its_reason(stream: bool) -> None:
    filtered = streams("I", end=(chunk({}, finish="content_filter"), b"data: [DONE]\n\n"))
    choice = {"index": 0, "message": {"role": "assistant", "content": "I"}, "finish_reason": "content_filter"}
    act = filtered if stream else good(choices=[choice])
    async with faulty(act) as primary, faulty(name="other") as other:
        first = route(primary.backend(), fallbacks=("n",), content_policy_fallbacks=("n",))
        async with gateway_of(first, route(other.backend(), name="n")) as running:
            status, answer, _ = await asked(running, stream=stream)

    assert status == 200
    assert ('"finish_reason": "content_filter"' in answer) if stream else said(answer) == "I"
    assert (primary.hits, other.hits) == (1, 0)


@pytest.mark.parametrize("code", ["content_filter", "content_policy_violation"])
async def test_content_filter_refusal_is_passed_on_and_not_tried_again(code: str) -> None:
    async with faulty(refuses(400, code, "filtered: violence")) as primary, faulty(name="other") as other:
        first = route(primary.backend(), other.backend(order=2), fallbacks=("n",))
        async with gateway_of(first, route(other.backend(), name="n")) as running:
            status, answer, _ = await asked(running)
            reason = standing(running).breaker.reason

    assert (status, answer["error"]["code"], answer["error"]["message"]) == (400, code, "filtered: violence")
    assert (primary.hits, other.hits) == (1, 0)
    assert reason is None


async def test_content_filter_refusal_goes_only_where_the_operator_sends_it() -> None:
    async with faulty(refuses(400, "content_filter")) as primary, faulty(name="other") as other:
        first = route(primary.backend(), content_policy_fallbacks=("n",))
        async with gateway_of(first, route(other.backend(), name="n")) as running:
            status, answer, _ = await asked(running)

    assert (status, said(answer)) == (200, "other")


@pytest.mark.parametrize("stream", [False, True])
async def test_fallback_that_rejects_prefill_does_not_mask_the_real_error(stream: bool) -> None:
    real = refuses(503, "overloaded", "no capacity in this region")
    async with faulty(real) as primary, faulty(refuses(400, message=PREFILL), name="other") as other:
        first = route(primary.backend(), fallbacks=("n",), num_retries=0)
        async with gateway_of(first, route(other.backend(), name="n")) as running:
            messages = [*BODY["messages"], {"role": "assistant", "content": "Sure:"}]
            status, answer, headers = await asked(running, messages=messages, stream=stream)

    assert (status, answer["error"]["message"]) == (503, "no capacity in this region")
    assert headers["x-should-retry"] == "false"
    assert headers["x-lumina-backend"] == "primary"
    assert other.hits == 1


async def test_other_backend_of_the_route_that_rejects_prefill_does_not_mask_the_real_error() -> None:
    real = refuses(503, "overloaded", "no capacity in this region")
    async with (
        faulty(real) as primary,
        faulty(refuses(400, message=PREFILL), name="other") as other,
        gateway_of(route(primary.backend(), other.backend(order=2))) as running,
    ):
        status, answer, _ = await asked(running)

    assert (status, answer["error"]["message"]) == (503, "no capacity in this region")
    assert other.hits == 1


async def test_callers_mistake_is_told_at_once_and_speaks_against_no_backend() -> None:
    async with faulty(refuses(400, message="no such parameter")) as primary, faulty(name="other") as other:
        first = route(primary.backend(), other.backend(order=2), fallbacks=("n",))
        async with gateway_of(first, route(other.backend(), name="n")) as running:
            answers = [await asked(running) for _ in range(5)]
            reason = standing(running).breaker.reason

    assert {status for status, _, _ in answers} == {400}
    assert all("x-should-retry" not in headers for _, _, headers in answers)
    assert (primary.hits, other.hits, reason) == (5, 0, None)


@pytest.mark.parametrize("stream", [False, True])
async def test_model_usage_and_cost_are_those_of_the_backend_that_answered(stream: bool) -> None:
    """The first attempt spoke of tokens before it failed: they are nobody's."""
    dear = {"input_nano_usd_per_token": 1_000_000.0, "output_nano_usd_per_token": 1_000_000.0}
    cheap = {"input_nano_usd_per_token": 10.0, "output_nano_usd_per_token": 100.0}
    failing = streams("a", "b", "c", then=cut) if stream else refuses(500)
    used = {"prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 25}
    act = streams("hi", usage=used) if stream else good(usage=used)
    async with receiver() as otlp, faulty(failing) as primary, faulty(act, name="other") as other:
        only = route(primary.backend(**dear), other.backend(order=2, **cheap), hold_seconds=None)
        environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": otlp.url}
        async with gateway(routes(only), environ=environ, span_flush_seconds=0.01) as running:
            _, answer, headers = await asked(running, stream=stream)
            await at_rest(running)
            span = await otlp.span()
            _, metrics, _ = await running.get("/metrics", api_key=ADMIN_KEY)

    attributes = values(span.attributes)
    assert headers["x-lumina-backend"] == attributes["lumina.backend"] == "other"
    assert attributes["gen_ai.response.model"] == "model-of-other"
    assert (attributes["gen_ai.usage.input_tokens"], attributes["gen_ai.usage.output_tokens"]) == (20, 5)
    assert _spent(attributes) == 20 * 10 + 5 * 100
    assert "primary" not in _tokens_of(metrics)
    assert standing(running).tokens == 0
    if not stream:
        assert float(headers["x-litellm-response-cost"]) == pytest.approx(7e-7)
        assert answer["model"] == "model-of-other"


async def test_request_that_nobody_answered_costs_nothing() -> None:
    prices = {"input_nano_usd_per_token": 10.0, "output_nano_usd_per_token": 100.0}
    async with receiver() as otlp, faulty(refuses(500)) as primary:
        environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": otlp.url}
        only = route(primary.backend(**prices), num_retries=1)
        async with gateway(routes(only), environ=environ, span_flush_seconds=0.01) as running:
            await asked(running)
            attributes = values((await otlp.span()).attributes)

    assert not [name for name in attributes if "usage" in name or "cost" in name]


async def test_cut_stream_that_the_caller_saw_is_billed_by_what_it_held() -> None:
    async with receiver() as otlp, faulty(streams("a", "b", "c", then=cut)) as primary:
        environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": otlp.url}
        async with gateway(routes(route(primary.backend())), environ=environ, span_flush_seconds=0.01) as running:
            _, text, _ = await asked(running, stream=True)
            attributes = values((await otlp.span()).attributes)

    assert told(text) == "abc"
    assert attributes["gen_ai.usage.output_tokens"] == 3


async def test_forbidden_requests_open_a_circuit_only_when_they_are_many() -> None:
    async with (
        faulty(refuses(403, message="flagged"), good()) as primary,
        faulty(name="other") as other,
        gateway_of(route(primary.backend(), other.backend(order=2))) as running,
    ):
        _, first, _ = await asked(running)
        reason = standing(running).breaker.reason
        _, second, _ = await asked(running)

    assert reason is None
    assert (said(first), said(second)) == ("other", "primary")


async def test_operator_may_want_retries_of_refusals() -> None:
    async with (
        faulty(refuses(400, message="busy, in fact"), good()) as primary,
        gateway_of(route(primary.backend(), retry_policy=Tolerance(bad_request=1))) as running,
    ):
        status, _, headers = await asked(running)

    assert (status, headers["x-litellm-attempted-retries"]) == (200, "1")


async def test_path_that_a_backend_lacks_speaks_against_no_backend() -> None:
    async with faulty() as primary, gateway_of(route(primary.backend(), allowed_fails=0)) as running:
        statuses = [(await running.post("/v1/messages", BODY))[0] for _ in range(3)]
        reason = standing(running).breaker.reason

    assert statuses == [400] * 3
    assert (primary.hits, reason) == (0, None)


async def test_stream_options_that_one_caller_gets_wrong_cost_the_others_no_usage() -> None:
    async def strict(self: FaultyProvider, request: web.BaseRequest, body: dict[str, Any]) -> web.StreamResponse:
        known = set(body["stream_options"]) <= {"include_usage"}
        act = good() if known else refuses(400, message="unknown field in stream_options")
        return await act(self, request, body)

    async with faulty(strict) as primary, gateway_of(route(primary.backend())) as running:
        wrong, _, _ = await asked(running, stream=True, stream_options={"verbose": True})
        right, _, _ = await asked(running, stream=True)

    assert (wrong, right) == (400, 200)
    assert primary.bodies[-1]["stream_options"] == {"include_usage": True}


async def test_error_has_no_headers_of_an_attempt_that_failed_before() -> None:
    async def begins(self: FaultyProvider, request: web.BaseRequest, body: dict[str, Any]) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "x-should-retry": "true"})
        await response.prepare(request)
        await response.write(STREAM[0])
        await cut(request)
        return response

    async with (
        faulty(begins, refuses(500)) as primary,
        gateway_of(route(primary.backend(), hold_seconds=None, num_retries=1)) as running,
    ):
        status, _, headers = await asked(running, stream=True)

    assert status == 500
    assert headers.getall("x-should-retry") == ["false"]


async def test_cut_stream_of_anthropics_form_is_billed_by_what_it_held() -> None:
    """Its first event tells of one token, whatever follows."""
    told = {"type": "message_start", "message": {"id": "1", "usage": {"input_tokens": 20, "output_tokens": 1}}}
    word = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "word"}}
    answer = streaming(*(f"data: {json.dumps(event)}\n\n".encode() for event in (told, *[word] * 5)), cut=True)
    async with receiver() as otlp, provider(answer) as upstream:
        environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": otlp.url}
        only = route(backend(upstream.url, translated=True))
        async with gateway(routes(only), environ=environ, span_flush_seconds=0.01) as running:
            await running.post("/v1/messages", BODY | {"stream": True, "max_tokens": 9})
            attributes = values((await otlp.span()).attributes)

    used = {name.rpartition(".")[2]: value for name, value in attributes.items() if ".usage" in name}
    assert used == {"input_tokens": 20, "output_tokens": 5, "estimated": True}


def _spent(attributes: dict[str, Any]) -> int:
    return next(int(value) for name, value in attributes.items() if "cost" in name)


def _tokens_of(metrics: str) -> str:
    return "\n".join(line for line in metrics.splitlines() if "token_usage" in line and not line.startswith("#"))


@pytest.mark.parametrize("body", [{"error": {"message": "out of memory", "code": 500}}, {"id": "x", "object": "y"}])
async def test_failure_that_is_told_with_status_200_is_a_failure(body: dict[str, Any]) -> None:
    async def act(self: FaultyProvider, request: web.BaseRequest, asked_for: dict[str, Any]) -> web.StreamResponse:
        return web.json_response(body)

    async with (
        faulty(act) as primary,
        faulty(name="other") as other,
        gateway_of(route(primary.backend(), other.backend(order=2))) as running,
    ):
        status, answer, _ = await asked(running)

    assert (status, said(answer)) == (200, "other")
    assert primary.hits == 1


async def test_trouble_with_one_model_behind_a_star_leaves_the_others_alone() -> None:
    async def act(self: FaultyProvider, request: web.BaseRequest, body: dict[str, Any]) -> web.StreamResponse:
        if body["model"] == "bad":
            return web.json_response({"error": {"message": "broken"}}, status=500)
        return await good()(self, request, body)

    async with (
        faulty(*[act] * 20) as primary,
        gateway_of(route(primary.backend(model="*"), name="any/*", num_retries=1)) as running,
    ):
        bad = [(await running.post(CHAT, BODY | {"model": "any/bad"}))[0] for _ in range(3)]
        status, _, _ = await running.post(CHAT, BODY | {"model": "any/good"})

    assert bad == [500] * 3
    assert status == 200
