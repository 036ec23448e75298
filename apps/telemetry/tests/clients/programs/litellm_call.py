"""A chat completion by LiteLLM with its OpenTelemetry callback; the environment says where to."""

import sys

import litellm
from opentelemetry import trace

SAID, ANSWERED = sys.argv[1:]

litellm.callbacks = ["otel"]
litellm.completion(
    model="gpt-4o-mini",
    messages=[{"role": "user", "content": SAID}],
    mock_response=ANSWERED,
    api_key="sk-none",
    metadata={"note": SAID},
)
litellm.utils.executor.shutdown(wait=True)
trace.get_tracer_provider().shutdown()  # type: ignore[attr-defined]  # the SDK's, which LiteLLM has set up
