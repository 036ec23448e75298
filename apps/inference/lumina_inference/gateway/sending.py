"""One request as it goes to one backend."""

from collections.abc import Mapping
from dataclasses import dataclass

from yarl import URL

from lumina_inference.gateway.asks import Ask
from lumina_inference.gateway.calls import Call
from lumina_inference.gateway.index import Target
from lumina_inference.gateway.operations import Operation


@dataclass(frozen=True, slots=True)
class Sending:
    """What is sent, and where to."""

    target: Target
    url: URL
    headers: Mapping[str, str]
    body: bytes
    hides_usage: bool


def prepare(call: Call, operation: Operation, ask: Ask, target: Target) -> Sending:
    """Our own headers only: of the caller's, none but the trace's state and the request's id reach a backend."""
    headers = dict(target.headers)
    headers["traceparent"] = call.trace.traceparent
    headers["x-request-id"] = call.request_id
    if call.trace.state:
        headers["tracestate"] = call.trace.state
    headers["Accept"] = "text/event-stream" if ask.stream else "application/json"
    return Sending(target, target.urls[operation.name], headers, ask.body_for(target), ask.hides_usage)
