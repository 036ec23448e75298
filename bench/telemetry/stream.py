"""The spans that every subject is sent: encoded once, then given new ids and times by writing over the old ones."""

import os
import struct
import time

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans, Span

SPANS_A_TRACE = 4
SPANS_A_BATCH = 512
_SECOND_NS = 1_000_000_000
_ANSWER = b"chatcmpl-"
_TIMES_TAG = b"\x39"  # field 7, start_time_unix_nano, fixed64


class Stream:
    """Batches of 512 spans in 128 traces: a request to a model with 24 attributes, and three children with eight."""

    def __init__(self) -> None:
        encoded = _request().SerializeToString()
        self._bytes = bytearray(encoded)
        self._traces = [places(encoded, _trace_id(number)) for number in range(SPANS_A_BATCH // SPANS_A_TRACE)]
        self._spans = [places(encoded, _span_id(number)) for number in range(SPANS_A_BATCH)]
        self._answers = places(encoded, _ANSWER)
        self._times = _timeplaces(encoded)

    def batch(self, now_ns: int | None = None) -> tuple[bytes, str]:
        """An export request with ids of its own, begun at `now_ns`; and the id of its last trace, as hexadecimal."""
        at = time.time_ns() if now_ns is None else now_ns
        trace_id = b""
        for places in self._traces:
            trace_id = os.urandom(16)
            self._write(places, trace_id)
        for places in self._spans:
            self._write(places, os.urandom(8))
        for place in self._answers:
            self._write([place + len(_ANSWER)], os.urandom(16).hex().encode())
        for number, (start, end) in enumerate(self._times):
            began = at + number * 1000
            struct.pack_into("<Q", self._bytes, start, began)
            struct.pack_into("<Q", self._bytes, end, began + 20_000_000 + number * 700_000)
        return bytes(self._bytes), trace_id.hex()

    def _write(self, places: list[int], content: bytes) -> None:
        for place in places:
            self._bytes[place : place + len(content)] = content


def _request() -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    resource.resource.attributes.extend([pair("service.name", "bench"), pair("service.version", "1.0")])
    scope = resource.scope_spans.add()
    scope.scope.name = "bench"
    for number in range(SPANS_A_BATCH):
        _add_span(scope, number)
    return request


def _add_span(scope: ScopeSpans, number: int) -> None:
    trace, place = divmod(number, SPANS_A_TRACE)
    attributes = _call(trace) if place == 0 else _step(number)
    span = scope.spans.add(
        trace_id=_trace_id(trace),
        span_id=_span_id(number),
        parent_span_id=b"" if place == 0 else _span_id(number - place),
        name="chat llama" if place == 0 else f"step {place}",
        kind=Span.SPAN_KIND_CLIENT,
        start_time_unix_nano=_SECOND_NS,
        end_time_unix_nano=2 * _SECOND_NS,
    )
    span.attributes.extend(pair(name, value) for name, value in attributes.items())


def _call(number: int) -> dict[str, str | int | float | bool]:
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": f"model-{number % 5}",
        "gen_ai.response.model": f"model-{number % 5}-2026",
        "gen_ai.response.id": f"chatcmpl-{number:032x}",
        "gen_ai.request.temperature": 0.7,
        "gen_ai.request.max_tokens": 512,
        "gen_ai.request.stream": bool(number % 2),
        "gen_ai.usage.input_tokens": 100 + number,
        "gen_ai.usage.output_tokens": 20 + number % 90,
        "server.address": "10.0.0.7",
        "server.port": 8000,
        "http.response.status_code": 500 if number % 50 == 0 else 200,
        "user.tier": f"tier-{number % 3}",
        "app.version": "2026.11",
        "app.feature": f"feature-{number % 12}",
        "app.region": f"region-{number % 4}",
        "app.tenant": f"tenant-{number % 40}",
        "app.session": f"session-{number:024x}",
        "app.experiment": f"experiment-{number % 7}",
        "app.cache": "miss",
        "app.retries": number % 3,
        "app.queue_ms": number * 0.25,
        "app.host": f"host-{number % 6}",
    }


def _step(number: int) -> dict[str, str | int | float | bool]:
    return {
        "app.step": number % SPANS_A_TRACE,
        "app.tenant": f"tenant-{number % 40}",
        "app.region": f"region-{number % 4}",
        "app.rows": number * 3,
        "db.system.name": "postgresql",
        "db.operation.name": "SELECT",
        "server.address": "10.0.0.9",
        "app.cached": number % 2 == 0,
    }


def pair(name: str, value: str | float | bool) -> KeyValue:
    """An attribute."""
    found = KeyValue(key=name)
    kind = {str: "string_value", bool: "bool_value", int: "int_value", float: "double_value"}[type(value)]
    setattr(found.value, kind, value)
    return found


def _trace_id(number: int) -> bytes:
    return b"TRACE-ID" + number.to_bytes(8, "big")


def _span_id(number: int) -> bytes:
    return b"SPAN" + number.to_bytes(4, "big")


def places(encoded: bytes, sought: bytes) -> list[int]:
    """Where it stands; as a parent's id, too."""
    places, place = [], encoded.find(sought)
    while place >= 0:
        places.append(place)
        place = encoded.find(sought, place + 1)
    return places


def _timeplaces(encoded: bytes) -> list[tuple[int, int]]:
    """Where each span's two times stand: one after the other, each behind a tag of one byte."""
    sought = _TIMES_TAG + struct.pack("<Q", _SECOND_NS)
    return [(place + 1, place + 10) for place in places(encoded, sought)]
