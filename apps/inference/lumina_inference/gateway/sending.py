"""One request as it goes to one backend."""

import re
from collections.abc import Mapping

from msgspec import Struct
from yarl import URL

from lumina_inference.gateway.asks import Ask
from lumina_inference.gateway.calls import Call
from lumina_inference.gateway.index import Target
from lumina_inference.gateway.operations import Operation

_SDK = "x-stainless-lang"
_BETA = "anthropic-beta"
_BETAS = re.compile(r"[A-Za-z0-9._, -]{1,512}")
_SDK_NAME = re.compile(r"[A-Za-z0-9]{1,16}")


class Sending(Struct, eq=False):
    """What is sent, and where to."""

    target: Target
    url: URL
    headers: Mapping[str, str]
    body: bytes
    hides_usage: bool
    operation: Operation


def prepare(call: Call, ask: Ask, target: Target) -> Sending:
    """Our own headers only: of the caller's, none but the trace's, the request's id, the SDK's language and what it
    asks of Anthropic's beta features go on.

    OpenAI's SDKs read some answers in their own ways, so a backend may need to know which one asks.
    """
    headers = dict(target.headers)
    headers["traceparent"] = call.trace.traceparent
    headers["x-request-id"] = call.request_id
    if call.trace.state:
        headers["tracestate"] = call.trace.state
    sdk = call.request.headers.get(_SDK)
    if sdk and _SDK_NAME.fullmatch(sdk):
        headers[_SDK] = sdk
    if ask.operation.form == "messages" and (beta := call.request.headers.get(_BETA)) and _BETAS.fullmatch(beta):
        headers[_BETA] = beta
    headers["Accept"] = "text/event-stream" if ask.stream else "application/json"
    operation = ask.operation
    return Sending(target, target.urls[operation.path], headers, ask.body_for(target), ask.hides_usage, operation)
