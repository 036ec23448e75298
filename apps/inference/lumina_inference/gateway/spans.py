"""The span of a request as OTLP bytes: cached segments joined; tests check them with the official decoder."""

import time
from functools import lru_cache

from lumina_contracts import attributes as names
from lumina_inference.gateway import spanfields as field
from lumina_inference.gateway.answers import Usage
from lumina_inference.gateway.calls import Call, FailedAttempt
from lumina_inference.gateway.keyvalues import Key
from lumina_inference.gateway.protobuf import fixed32, fixed64, integer, message, tag, text, varint
from lumina_inference.gateway.tracecontext import Trace

_LONGEST_IDENTIFIER = 256
_MOST_CHOICES = 128
_REMOTE_PARENT = 0x300  # the flags say that we know whether the parent is remote, and that it is


def _key(attribute: names.Attribute) -> Key:
    return Key(field.ATTRIBUTES, attribute.name)


_OPERATION = _key(names.OPERATION)
_REQUEST_MODEL = _key(names.REQUEST_MODEL)
_REQUEST_STREAM = _key(names.REQUEST_STREAM)
_REQUEST_ID = _key(names.REQUEST_ID)
_HTTP_STATUS = _key(names.HTTP_STATUS)
_PROMPT_SHA256 = _key(names.PROMPT_SHA256)
_RESPONSE_ID = _key(names.RESPONSE_ID)
_RESPONSE_MODEL = _key(names.RESPONSE_MODEL)
_FINISH_REASONS = _key(names.FINISH_REASONS)
_FIRST_CHUNK = _key(names.FIRST_CHUNK)
_ERROR_TYPE = _key(names.ERROR_TYPE)
_COST = _key(names.COST)
_USAGE_ESTIMATED = _key(names.USAGE_ESTIMATED)
_RETRIES = _key(names.RETRIES)
_FALLBACKS = _key(names.FALLBACKS)
_INPUT_TOKENS = _key(names.INPUT_TOKENS)
_OUTPUT_TOKENS = _key(names.OUTPUT_TOKENS)
_CACHED_TOKENS = _key(names.CACHED_TOKENS)
_REASONING_TOKENS = _key(names.REASONING_TOKENS)
_EVENT_NAME = text(field.EVENT_NAME, names.ATTEMPT_FAILED)
_EVENT_BACKEND = Key(field.EVENT_ATTRIBUTES, names.BACKEND.name)
_EVENT_ERROR = Key(field.EVENT_ATTRIBUTES, names.ERROR_TYPE.name)
_CLIENT = integer(field.KIND, field.KIND_CLIENT)
_SERVER = integer(field.KIND, field.KIND_SERVER)
_TRACE_ID = tag(field.TRACE_ID, 2) + varint(16)
_SPAN_ID = tag(field.SPAN_ID, 2) + varint(8)
_FAILED = message(field.STATUS, integer(field.STATUS_CODE, field.STATUS_ERROR))


def encode(call: Call, path: str) -> bytes:
    """One `spans` entry of a ScopeSpans. `path` names a request that is no inference, as the route table has it."""
    parts = [_identity(call.trace), _naming(call, path), _times(call.started_ns, time.time_ns())]
    parts += [_REQUEST_ID(call.request_id), _status(call.status)]
    parts += _cached(call)
    if call.prompt_sha256 is not None:
        parts.append(_PROMPT_SHA256(call.prompt_sha256))
    _answered(parts, call)
    if call.usage is not None:
        _used(parts, call, call.usage)
    if call.failed_attempts:
        _tried(parts, call)
    return message(field.SCOPE_SPAN, b"".join(parts))


def _event(attempt: FailedAttempt) -> bytes:
    told = _EVENT_BACKEND(attempt.backend) + _EVENT_ERROR(attempt.failure)
    return message(field.EVENTS, fixed64(field.EVENT_TIME, attempt.at_ns) + _EVENT_NAME + told)


def _identity(trace: Trace) -> bytes:
    ids = _TRACE_ID + bytes.fromhex(trace.trace_id) + _SPAN_ID + bytes.fromhex(trace.span_id)
    if trace.parent_id:
        ids += message(field.PARENT_SPAN_ID, bytes.fromhex(trace.parent_id))
        ids += fixed32(field.FLAGS, int(trace.flags, 16) | _REMOTE_PARENT)
    return ids + text(field.TRACE_STATE, trace.state) if trace.state else ids


def _times(started_ns: int, ended_ns: int) -> bytes:
    return fixed64(field.START_TIME, started_ns) + fixed64(field.END_TIME, ended_ns)


def _naming(call: Call, path: str) -> bytes:
    if call.operation is None:
        return text(field.NAME, f"{call.request.method} {path}") + _SERVER
    return _inference(call.operation.name, call.model or names.UNKNOWN, call.stream)


@lru_cache(maxsize=1024)
def _inference(operation: str, model: str, stream: bool) -> bytes:
    name = text(field.NAME, f"{operation} {model}")
    return name + _CLIENT + _OPERATION(operation) + _REQUEST_MODEL(model) + _REQUEST_STREAM(stream)


@lru_cache(maxsize=1024)
def _status(status: int) -> bytes:
    return _HTTP_STATUS(status)


def _cached(call: Call) -> list[bytes]:
    owners = (call.index, call.caller, call.choices, call.target)
    return [owner.span for owner in owners if owner is not None]


def _answered(parts: list[bytes], call: Call) -> None:
    if call.response_id is not None:
        parts.append(_RESPONSE_ID(_identifier(call.response_id)))
    if call.response_model is not None:
        parts.append(_RESPONSE_MODEL(_identifier(call.response_model)))
    if call.finish_reasons:
        parts.append(_finished(call.finish_reasons))
    if call.first_chunk_seconds is not None:
        parts.append(_FIRST_CHUNK(call.first_chunk_seconds))
    if call.error_type is not None:
        parts += (_ERROR_TYPE(call.error_type), _FAILED)


@lru_cache(maxsize=256)
def _finished(reasons: tuple[str, ...]) -> bytes:
    return _FINISH_REASONS(tuple(_identifier(reason) for reason in reasons[:_MOST_CHOICES]))


def _identifier(value: str) -> str:
    """What a backend says, unless it may be anybody's text: an echo of the prompt is not to be in a span."""
    if len(value) <= _LONGEST_IDENTIFIER and value.isascii() and value.isprintable() and " " not in value:
        return value
    return names.UNKNOWN


def _used(parts: list[bytes], call: Call, usage: Usage) -> None:
    parts += (_INPUT_TOKENS(usage.input_tokens), _OUTPUT_TOKENS(usage.output_tokens))
    if (cached := usage.cached_tokens) is not None:
        parts.append(_CACHED_TOKENS(cached))
    if (reasoning := usage.reasoning_tokens) is not None:
        parts.append(_REASONING_TOKENS(reasoning))
    if (cost := call.cost_nano_usd) is not None:
        parts.append(_COST(cost))
    if call.usage_estimated:
        parts.append(_USAGE_ESTIMATED(True))


def _tried(parts: list[bytes], call: Call) -> None:
    parts += [_event(attempt) for attempt in call.failed_attempts]
    if call.retries:
        parts.append(_RETRIES(call.retries))
    if call.fallbacks:
        parts.append(_FALLBACKS(call.fallbacks))
