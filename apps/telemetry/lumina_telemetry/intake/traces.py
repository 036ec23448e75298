"""Spans of an export request as rows."""

from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass
from typing import Any

import msgspec
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from lumina_contracts.attributes import PROJECT
from lumina_telemetry.intake.resources import Origin, Resources
from lumina_telemetry.intake.sender import Decoded, Sender, Tally
from lumina_telemetry.intake.values import Bounds, Plain, attributes
from lumina_telemetry.lifted import COLUMNS, REAL_NUMBERS, WHOLE_NUMBERS
from lumina_telemetry.rows import Batch, SpanRow
from lumina_telemetry.settings import TelemetrySettings

LATEST_NS = 2**63 - 1
AHEAD_DAYS = 31
"""A sender's clock may be so far ahead; a time beyond is none."""
MESSAGE_CHARS = 1024
_NS_A_DAY = 86_400 * 10**9
_KINDS = range(6)
_STATUSES = range(3)
_LARGEST = {"http_status": 2**31 - 1}
_encode = msgspec.json.Encoder().encode
_LIFTED = tuple(
    (name, column, int if column in WHOLE_NUMBERS else float if column in REAL_NUMBERS else str)
    for name, column in COLUMNS.items()
)
_NO_PARENT = bytes(8)
_NO_TRACE = bytes(16)


def decode_traces(
    request: ExportTraceServiceRequest, sender: Sender, settings: TelemetrySettings, now_ns: int, tally: Tally
) -> Decoded:
    """Rows of all spans that can be kept. The request is stripped of content before."""
    resources = Resources(settings, tally)
    spans = _Spans(sender, Bounds.of(settings, tally.cut), settings, now_ns, tally)
    rows: list[SpanRow] = []
    for resource in request.resource_spans:
        origin = resources.origin(resource.resource.attributes)
        for scope in resource.scope_spans:
            rows.extend(spans.rows(scope.spans, origin, spans.bounds.name(scope.scope.name)))
    return tally.decoded(Batch(spans=rows, resources=resources.rows), "spans")


@dataclass(frozen=True)
class _Spans:
    sender: Sender
    bounds: Bounds
    settings: TelemetrySettings
    now_ns: int
    tally: Tally

    def rows(self, spans: Iterable[Span], origin: Origin, scope: str) -> Iterable[SpanRow]:
        oldest_ns = self.now_ns - int(self.settings.retention_days * _NS_A_DAY)
        for span in spans:
            refusal = _refusal(span) or self._out_of_time(span, oldest_ns)
            if refusal:
                self.tally.rejected[refusal] += 1
            else:
                yield self._row(span, origin, scope)

    def _out_of_time(self, span: Span, oldest_ns: int) -> str | None:
        """A clock that is ahead is taken, and told of in the trace; not one that makes no sense."""
        if span.start_time_unix_nano < oldest_ns:
            return f"began before the {self.settings.retention_days:g} days that spans are kept"
        if max(span.start_time_unix_nano, span.end_time_unix_nano) > self.now_ns + AHEAD_DAYS * _NS_A_DAY:
            return f"began or ended more than {AHEAD_DAYS} days in the future"
        return None

    def _row(self, span: Span, origin: Origin, scope: str) -> SpanRow:
        values = attributes(span.attributes, self.bounds)
        start_ns = span.start_time_unix_nano
        parent = span.parent_span_id
        project = values.get(PROJECT.name) if self.sender.ours else self.sender.project
        dropped = len(span.attributes) - len(values)
        columns = _lift(values)
        if dropped or span.dropped_attributes_count:
            values["otel.dropped_attributes_count"] = dropped + span.dropped_attributes_count
        return SpanRow(
            time_ns=min(start_ns, self.now_ns),
            start_ns=start_ns,
            duration_ns=max(0, span.end_time_unix_nano - start_ns),
            trace_id=span.trace_id.hex(),
            span_id=span.span_id.hex(),
            parent_id="" if not parent or parent == _NO_PARENT else parent.hex(),
            name=self.bounds.name(span.name),
            kind=span.kind if span.kind in _KINDS else 0,
            status=span.status.code if span.status.code in _STATUSES else 0,
            status_message=self.bounds.name(span.status.message, MESSAGE_CHARS) or None,
            service=origin.service,
            scope=scope,
            project=project if isinstance(project, str) else None,
            ours=self.sender.ours,
            resource=origin.id,
            events=self._events(span) if span.events else None,
            links=self._links(span) if span.links else None,
            attributes=_encode(values).decode(),
            **columns,
        )

    def _events(self, span: Span) -> str:
        kept = span.events[: self.settings.span_events]
        self._count_cut("too_many_events", len(span.events) - len(kept))
        return _encode(
            [
                {
                    "time_ns": event.time_unix_nano,
                    "name": self.bounds.name(event.name),
                    "attributes": attributes(event.attributes, self.bounds),
                }
                for event in kept
            ]
        ).decode()

    def _links(self, span: Span) -> str:
        kept = span.links[: self.settings.span_events]
        self._count_cut("too_many_links", len(span.links) - len(kept))
        return _encode(
            [
                {
                    "trace_id": link.trace_id.hex(),
                    "span_id": link.span_id.hex(),
                    "attributes": attributes(link.attributes, self.bounds),
                }
                for link in kept
            ]
        ).decode()

    def _count_cut(self, reason: str, count: int) -> None:
        if count:
            self.tally.cut[reason] += count


def _refusal(span: Span) -> str | None:
    if len(span.trace_id) != 16 or span.trace_id == _NO_TRACE:
        return "had a trace id that is not 16 bytes, or all zero"
    if len(span.span_id) != 8 or span.span_id == _NO_PARENT:
        return "had a span id that is not 8 bytes, or all zero"
    if len(span.parent_span_id) not in (0, 8):
        return "had the id of a parent that is not 8 bytes"
    return None


def _lift(values: MutableMapping[str, Plain]) -> dict[str, Any]:
    """Take the attributes out that have a column of their own, if their value fits into it."""
    columns: dict[str, Any] = {}
    for name, column, kind in _LIFTED:
        value = values.get(name)
        if value is not None and _fits(value, column, kind):
            columns[column] = values.pop(name)
    return columns


def _fits(value: Plain, column: str, kind: type) -> bool:
    if kind is str:
        return isinstance(value, str) and "\0" not in value
    if isinstance(value, bool):
        return False
    if kind is int:
        return isinstance(value, int) and 0 <= value <= _LARGEST.get(column, LATEST_NS)
    return isinstance(value, int | float)
