"""What an operator may set about telemetry: `LUMINA_TELEMETRY_<NAME>`, or the section `telemetry` of lumina.yaml."""

from typing import Annotated

from msgspec import Meta, Struct

Count = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(gt=0)]


class TelemetrySettings(Struct, frozen=True, kw_only=True):
    """The supervisor reads `enabled` by itself, before any process runs."""

    enabled: Annotated[bool, Meta(description="Whether Lumina stores telemetry; off, the process is not started.")] = (
        True
    )
    memory_bytes: Annotated[Count, Meta(description="Memory that the store's database may use.")] = 128 * 2**20
    retention_days: Annotated[
        float, Meta(gt=0, description="Days that spans, logs and points are kept; objectives look back 30.")
    ] = 31
    retention_bytes: Annotated[Count, Meta(description="Bytes on disk beyond which the oldest goes.")] = 4 * 2**30
    free_bytes: Annotated[
        Count, Meta(description="Bytes that stay free on the disk; with less, nothing is taken in.")
    ] = 256 * 2**20
    content_bytes: Annotated[
        Count, Meta(description="Captured content on disk, in bytes, beyond which the oldest goes.")
    ] = 4 * 2**30
    flush_seconds: Annotated[Seconds, Meta(description="Longest wait before what came in is stored.")] = 1
    queue_rows: Annotated[Count, Meta(description="Rows waiting to be stored at most; more are refused.")] = 100_000
    queue_bytes: Annotated[Count, Meta(description="Bytes waiting to be stored at most; more are refused.")] = (
        64 * 2**20
    )
    body_bytes: Annotated[Count, Meta(description="Largest export request, unpacked; in JSON a quarter of it.")] = (
        16 * 2**20
    )
    forward_bytes: Annotated[
        Count, Meta(description="Bytes of one signal that wait to be passed on at most; more are dropped.")
    ] = 16 * 2**20
    attributes: Annotated[Count, Meta(description="Attributes of one span, log record or event that are kept.")] = 256
    attribute_chars: Annotated[Count, Meta(description="Characters of one attribute's value that are kept.")] = 8192
    span_events: Annotated[Count, Meta(description="Events, and links, of one span that are kept.")] = 256
    exception_texts: Annotated[
        bool, Meta(description="Whether texts of exceptions are stored; they can quote a prompt.")
    ] = False
    log_chars: Annotated[Count, Meta(description="Characters of a log record's body that are kept.")] = 65_536
    query_seconds: Annotated[Seconds, Meta(description="Time that a query may take.")] = 10
    series: Annotated[
        Count, Meta(description="Series of metrics of one project that are taken in; points of more are refused.")
    ] = 20_000
    series_together: Annotated[
        Count, Meta(description="The same of all projects together; Lumina's own series are apart from both.")
    ] = 50_000
    query_samples: Annotated[
        Count, Meta(description="Samples that a PromQL query may hold, after summing up by its step.")
    ] = 1_000_000
    query_series: Annotated[Count, Meta(description="Series that one selector of a PromQL query may mean.")] = 10_000
    query_rows: Annotated[Count, Meta(description="Rows that a query may give at most.")] = 10_000
    evaluation_seconds: Annotated[
        Seconds, Meta(description="Time between two evaluations of rules that do not set an interval of their own.")
    ] = 15
    alert_webhooks: Annotated[
        tuple[str, ...], Meta(description="URLs that get alerts as an Alertmanager's webhook (version 4) sends them.")
    ] = ()
    alertmanagers: Annotated[
        tuple[str, ...], Meta(description="URLs of Alertmanagers, without /api/v2, that get every alert.")
    ] = ()
    alert_wait_seconds: Annotated[
        Seconds, Meta(description="How long the first alert of a group waits for others; webhooks only.")
    ] = 5
    alert_repeat_seconds: Annotated[
        Seconds, Meta(description="Time after which a webhook is told again of what still fires.")
    ] = 4 * 3600
