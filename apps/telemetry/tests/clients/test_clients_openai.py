"""A traced program that calls the gateway by OpenAI's SDK: one trace crosses the processes."""

import pytest
from openai import OpenAI
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.propagate import inject
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes
from opentelemetry.semconv.attributes import error_attributes, http_attributes, server_attributes, service_attributes
from opentelemetry.trace import SpanKind, format_span_id, format_trace_id

from apps.telemetry.tests.clients.world import Lumina

MODEL = "lumina/extractive"
PUBLISHED = {
    value
    for module in (error_attributes, gen_ai_attributes, http_attributes, server_attributes, service_attributes)
    for name, value in vars(module).items()
    if name.isupper()
}
ASKED = "Which port? The gateway uses port 4000."


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_span_of_the_gateway_is_a_child_of_the_callers(lumina: Lumina, streamed: bool) -> None:
    tracers = TracerProvider(resource=Resource.create({"service.name": "shop"}))
    tracers.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(lumina.endpoint("traces"), headers=lumina.headers)))
    with tracers.get_tracer("shop").start_as_current_span("ask", kind=SpanKind.CLIENT) as span:
        answered = asked(lumina, streamed)
    tracers.shutdown()

    context = span.get_span_context()
    nodes = lumina.trace(format_trace_id(context.trace_id), spans=2)
    (_, top), (_, below) = nodes.items()
    assert (top["depth"], top["span"]["service"], top["span"]["ours"]) == (0, "shop", False)
    assert (below["depth"], below["span"]["service"], below["span"]["ours"]) == (1, "lumina-gateway", True)
    assert below["span"]["parent_id"] == format_span_id(context.span_id)
    assert below["span"]["attributes"]["gen_ai.response.id"] == answered
    assert lumina.ask(f"resolve/{answered}", lambda found: bool(found))
    assert {name for name in (*below["span"]["attributes"], *below["span"]["resource"]) if is_foreign(name)} == set()


def is_foreign(name: str) -> bool:
    """Neither Lumina's own name nor one that the conventions have published."""
    return not name.startswith("lumina.") and name not in PUBLISHED


def asked(lumina: Lumina, streamed: bool) -> str:
    """A call with the headers of the current span; the id of its answer."""
    headers: dict[str, str] = {}
    inject(headers)
    with OpenAI(base_url=f"{lumina.target.gateway}/v1", api_key=lumina.target.key, max_retries=0) as sdk:
        said = sdk.chat.completions
        if not streamed:
            whole = said.create(model=MODEL, messages=[{"role": "user", "content": ASKED}], extra_headers=headers)
            return whole.id
        chunks = said.create(
            model=MODEL, messages=[{"role": "user", "content": ASKED}], extra_headers=headers, stream=True
        )
        return [chunk.id for chunk in chunks][-1]
