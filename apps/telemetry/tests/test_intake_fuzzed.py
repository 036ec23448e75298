"""Garbage is refused, or taken in part; it never fails otherwise."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from apps.telemetry.tests.intake_world import NOW, NoMetrics, one_span, put
from lumina_telemetry.errors import BadOtlp, OtlpTooLarge
from lumina_telemetry.intake.bodies import JSON, PROTOBUF
from lumina_telemetry.intake.counting import widest
from lumina_telemetry.intake.decoding import Decoding
from lumina_telemetry.intake.sender import Sender
from lumina_telemetry.intake.signals import LOGS, TRACES, Signal
from lumina_telemetry.settings import TelemetrySettings

DECODING = Decoding(TelemetrySettings(), NoMetrics(), lambda: NOW)
SENDER = Sender("p", ours=False, captures=True)
SIGNALS = st.sampled_from([TRACES, LOGS])
WORDS = st.sampled_from(
    ["resourceSpans", "resourceLogs", "scopeSpans", "scopeLogs", "spans", "logRecords", "attributes", "key", "value",
     "stringValue", "intValue", "arrayValue", "values", "kvlistValue", "traceId", "spanId", "events", "name", "body",
     "startTimeUnixNano", "status", "kind", "resource", "bytesValue", "doubleValue"]
)  # fmt: skip
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40) | st.just("ab" * 16)
DOCUMENTS = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4), max_leaves=25
)


def decode(signal: Signal, body: bytes, media: str) -> None:
    try:
        taken = DECODING.decode(signal, body, media, SENDER)
    except BadOtlp:
        return
    assert taken.decoded.rejected >= 0
    msgspec.json.encode(taken.decoded.batch)
    msgspec.json.encode(taken.stripped.records)


@given(SIGNALS, st.binary(max_size=300))
@settings(max_examples=200)
def test_random_bytes(signal: Signal, body: bytes) -> None:
    decode(signal, body, PROTOBUF)


@given(st.integers(0, 10_000), st.integers(0, 255))
@settings(max_examples=200)
def test_a_request_with_a_wrong_byte(place: int, byte: int) -> None:
    request, span = one_span()
    put(span.attributes, gen_ai__request__model="m", gen_ai__usage__input_tokens=3, input__value="x")
    put(span.events.add(name="gen_ai.user.message").attributes, content="hello")
    body = bytearray(request.SerializeToString())
    body[place % len(body)] = byte

    decode(TRACES, bytes(body), PROTOBUF)


@given(SIGNALS, DOCUMENTS)
@settings(max_examples=200)
def test_any_json(signal: Signal, document: Any) -> None:
    decode(signal, msgspec.json.encode(document), JSON)


@pytest.mark.parametrize("before", [b"", b"\x1b\x1c", b"\x18\x80\x01\x25....\x29........"])
def test_very_many_empty_parts_are_refused_before_they_are_parsed(before: bytes) -> None:
    """With fields before them that nobody knows."""
    scope = before + b"\x12\x00" * 600_000
    bodies = [before + part(b"\x0a", before + part(b"\x12", scope)), before + b"\x0a\x00" * 600_000]

    for body in bodies:
        with pytest.raises(OtlpTooLarge):
            DECODING.decode(TRACES, body, PROTOBUF, SENDER)


@given(st.binary(max_size=60), st.integers(0, 5))
def test_counting_takes_any_bytes(body: bytes, most: int) -> None:
    assert 0 <= widest(body, most) <= most + 1


@given(st.lists(st.lists(st.integers(0, 3), max_size=3), max_size=3))
def test_all_parts_are_counted(resources: list[list[int]]) -> None:
    request = ExportTraceServiceRequest()
    for scopes in resources:
        resource = request.resource_spans.add()
        for count in scopes:
            resource.scope_spans.add().spans.extend(one_span()[1] for _ in range(count))

    counts = (len(resources), sum(map(len, resources)), sum(map(sum, resources)))
    assert widest(request.SerializeToString(), 100) == max(counts)


def part(tag: bytes, content: bytes) -> bytes:
    """A field of protobuf with content of two megabytes at most."""
    size = len(content)
    return tag + bytes([size & 0x7F | 0x80, size >> 7 & 0x7F | 0x80, size >> 14]) + content


@pytest.mark.parametrize("text", ["a\0b", "\U0001f600" * 300])
def test_odd_texts(text: str) -> None:
    request, span = one_span(name=text)
    put(span.attributes, gen_ai__request__model=text)

    decode(TRACES, request.SerializeToString(), PROTOBUF)
