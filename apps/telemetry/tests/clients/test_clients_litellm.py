"""LiteLLM's OpenTelemetry callback with the logging of messages on: spans, events and metrics, without the messages."""

import pytest

from apps.telemetry.tests.clients.world import Lumina, ran_python

SAID, ANSWERED = "zebra-that-was-asked", "zebra-that-was-answered"
SERVICE = "litellm-agent"
ON = {"LITELLM_OTEL_INTEGRATION_ENABLE_METRICS": "true", "LITELLM_OTEL_INTEGRATION_ENABLE_EVENTS": "true"}


@pytest.fixture(scope="module")
def trace_id(lumina: Lumina) -> str:
    """The trace of one completion."""
    environment = lumina.environment(SERVICE, LITELLM_LOCAL_MODEL_COST_MAP="True", **ON)
    ran_python("litellm_call.py", environment, SAID, ANSWERED)
    return lumina.newest_trace(SERVICE)


def test_spans_arrive_without_the_messages(lumina: Lumina, trace_id: str) -> None:
    nodes = lumina.trace(trace_id, spans=2)

    assert [(name, node["depth"]) for name, node in nodes.items()] == [
        ("litellm_request", 0),
        ("raw_gen_ai_request", 1),
    ]
    attributes = nodes["litellm_request"]["span"]["attributes"]
    assert attributes["gen_ai.request.model"] == "gpt-4o-mini"
    assert attributes["gen_ai.usage.input_tokens"] > 0
    assert "zebra" not in str(nodes)


def test_events_of_messages_arrive_without_their_words(lumina: Lumina, trace_id: str) -> None:
    page = lumina.ask(f"traces/{trace_id}/logs", lambda page: len(page["items"]) == 2)

    assert {record["service"] for record in page["items"]} == {SERVICE}
    assert "zebra" not in str(page)


def test_metrics_arrive(lumina: Lumina, trace_id: str) -> None:
    assert lumina.trace(trace_id, spans=2)
    assert lumina.value(f'gen_ai_client_operation_duration_seconds_count{{job="{SERVICE}"}}') == 1
