"""Limits and times of the gateway. Set as `LUMINA_GATEWAY_<NAME>` or under `gateway:` in lumina.yaml."""

from typing import Annotated

from msgspec import Meta, Struct

Count = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(gt=0)]


class GatewaySettings(Struct, frozen=True, kw_only=True):
    """What one caller, one request and one backend may take."""

    max_body_bytes: Annotated[Count, Meta(description="Largest request body, in bytes.")] = 20 * 2**20
    max_bodies_bytes: Annotated[Count, Meta(description="All request bodies held at once, in bytes.")] = 256 * 2**20
    max_messages: Annotated[Count, Meta(description="Most messages in one chat request.")] = 10_000
    max_header_bytes: Annotated[Count, Meta(description="Longest request line or header field, in bytes.")] = 16_384
    max_headers: Annotated[Count, Meta(description="Most header fields in one request.")] = 100
    max_connections: Annotated[Count, Meta(description="Most open client connections.")] = 4096
    max_in_flight: Annotated[Count, Meta(description="Most inference requests served at once.")] = 1024
    max_response_bytes: Annotated[Count, Meta(description="Largest plain answer of a backend, in bytes.")] = 64 * 2**20
    max_event_bytes: Annotated[Count, Meta(description="Largest event in a backend's stream, in bytes.")] = 4 * 2**20
    header_timeout_seconds: Annotated[Seconds, Meta(description="Time to send the headers of a request.")] = 10
    body_timeout_seconds: Annotated[Seconds, Meta(description="Time to send the body of a request.")] = 60
    write_timeout_seconds: Annotated[Seconds, Meta(description="Longest wait for a client to read its answer.")] = 60
    keepalive_seconds: Annotated[Seconds, Meta(description="How long an idle client connection stays open.")] = 75
    connect_timeout_seconds: Annotated[Seconds, Meta(description="Time to connect to a backend.")] = 3
    total_timeout_seconds: Annotated[Seconds, Meta(description="Time for a whole answer of a backend.")] = 600
    first_token_timeout_seconds: Annotated[Seconds, Meta(description="Time until a stream's first event.")] = 30
    stream_idle_timeout_seconds: Annotated[Seconds, Meta(description="Longest pause within a stream.")] = 30
    silence_seconds: Annotated[
        Seconds, Meta(description="Silence after which a backend is probed, free of charge.")
    ] = 3
    probe_interval_seconds: Annotated[Seconds, Meta(description="Time between two probes of a backend in doubt.")] = 2
    probe_timeout_seconds: Annotated[Seconds, Meta(description="Time for a backend to answer a probe.")] = 2
    longest_retry_after_seconds: Annotated[
        Seconds, Meta(description="Longest Retry-After of a backend that is waited for; beyond it a fallback is asked.")
    ] = 10
    estimated_output_tokens: Annotated[
        Count, Meta(description="Tokens reserved for an answer whose request does not limit it.")
    ] = 1024
    part_start_timeout_seconds: Annotated[Seconds, Meta(description="Time for an on-demand part to start.")] = 60
    drain_seconds: Annotated[Seconds, Meta(description="Time that open requests get when the gateway stops.")] = 10
    span_queue: Annotated[Count, Meta(description="Most spans waiting for export; more are dropped.")] = 8192
    span_batch: Annotated[Count, Meta(description="Most spans in one export.")] = 512
    span_flush_seconds: Annotated[Seconds, Meta(description="Longest wait before spans are exported.")] = 1
    content_record_bytes: Annotated[
        int, Meta(ge=1, le=2**20, description="Bytes kept of a captured request or answer; the rest is cut off.")
    ] = 2**20
    content_queue_bytes: Annotated[
        Count, Meta(description="Bytes of captured content in memory at most; more is dropped.")
    ] = 32 * 2**20
    metrics_export_seconds: Annotated[Seconds, Meta(description="How often metrics are exported by OTLP.")] = 10
