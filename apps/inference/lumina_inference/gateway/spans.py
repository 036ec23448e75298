"""The span of a request as OTLP bytes: cached segments joined; tests check them with the official decoder."""

import time
from collections.abc import Callable

from lumina_contracts import attributes as names
from lumina_inference.gateway import spanfields as field
from lumina_inference.gateway.answers import Usage
from lumina_inference.gateway.calls import Call
from lumina_inference.gateway.keyvalues import Key, Value
from lumina_inference.gateway.protobuf import fixed32, fixed64, integer, message, text
from lumina_inference.gateway.tracecontext import Trace

_REMOTE_PARENT = 0x300  # the flags say that we know whether the parent is remote, and that it is


def _key(attribute: names.Attribute) -> Key:
    return Key(field.ATTRIBUTES, attribute.name)


_OPERATION = _key(names.OPERATION)
_REQUEST_MODEL = _key(names.REQUEST_MODEL)
_REQUEST_STREAM = _key(names.REQUEST_STREAM)
_REQUEST_ID = _key(names.REQUEST_ID)
_HTTP_STATUS = _key(names.HTTP_STATUS)
_OPTIONAL: dict[Key, Callable[[Call], Value | None]] = {
    _key(names.PROMPT_SHA256): lambda call: call.prompt_sha256,
    _key(names.RESPONSE_ID): lambda call: call.response_id,
    _key(names.RESPONSE_MODEL): lambda call: call.response_model,
    _key(names.FINISH_REASONS): lambda call: call.finish_reasons or None,
    _key(names.FIRST_CHUNK): lambda call: call.first_chunk_seconds,
    _key(names.ERROR_TYPE): lambda call: call.error_type,
    _key(names.COST): lambda call: call.cost_nano_usd,
}
_USAGE: dict[Key, Callable[[Usage], int | None]] = {
    _key(names.INPUT_TOKENS): lambda usage: usage.input_tokens,
    _key(names.OUTPUT_TOKENS): lambda usage: usage.output_tokens,
    _key(names.CACHED_TOKENS): lambda usage: usage.cached_tokens,
    _key(names.REASONING_TOKENS): lambda usage: usage.reasoning_tokens,
}
_CLIENT = integer(field.KIND, field.KIND_CLIENT)
_SERVER = integer(field.KIND, field.KIND_SERVER)
_FAILED = message(field.STATUS, integer(field.STATUS_CODE, field.STATUS_ERROR))


def encode(call: Call, path: str) -> bytes:
    """One `spans` entry of a ScopeSpans. `path` names a request that is no inference, as the route table has it."""
    parts = [*_identity(call.trace), *_naming(call, path), fixed64(field.START_TIME, call.started_ns)]
    parts.append(fixed64(field.END_TIME, time.time_ns()))
    parts += [_REQUEST_ID(call.request_id), _HTTP_STATUS(call.status)]
    parts += _cached(call)
    _optional(parts, call)
    if call.error_type is not None:
        parts.append(_FAILED)
    return message(field.SCOPE_SPAN, b"".join(parts))


def _identity(trace: Trace) -> list[bytes]:
    parts = [
        message(field.TRACE_ID, bytes.fromhex(trace.trace_id)),
        message(field.SPAN_ID, bytes.fromhex(trace.span_id)),
    ]
    if trace.parent_id:
        parts.append(message(field.PARENT_SPAN_ID, bytes.fromhex(trace.parent_id)))
        parts.append(fixed32(field.FLAGS, int(trace.flags, 16) | _REMOTE_PARENT))
    if trace.state:
        parts.append(text(field.TRACE_STATE, trace.state))
    return parts


def _naming(call: Call, path: str) -> list[bytes]:
    if call.operation is None:
        return [text(field.NAME, f"{call.request.method} {path}"), _SERVER]
    model = call.model or names.UNKNOWN
    operation = call.operation.name
    return [
        text(field.NAME, f"{operation} {model}"),
        _CLIENT,
        _OPERATION(operation),
        _REQUEST_MODEL(model),
        _REQUEST_STREAM(call.stream),
    ]


def _cached(call: Call) -> list[bytes]:
    owners = (call.index, call.caller, call.choices, call.target)
    return [owner.span for owner in owners if owner is not None]


def _optional(parts: list[bytes], call: Call) -> None:
    value: Value | None
    for key, read in _OPTIONAL.items():
        if (value := read(call)) is not None:
            parts.append(key(value))
    if call.usage is not None:
        for key, count in _USAGE.items():
            if (value := count(call.usage)) is not None:
                parts.append(key(value))
