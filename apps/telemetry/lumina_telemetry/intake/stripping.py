"""Takes content out of export requests, in place, before anything else looks at them."""

from collections import Counter
from collections.abc import Iterable, Iterator, MutableSequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from lumina_contracts.content import ContentRecord, Kind
from lumina_telemetry.intake import content
from lumina_telemetry.intake.content import Judge
from lumina_telemetry.intake.sender import Sender
from lumina_telemetry.intake.values import plain

Taken = dict[str, Any]
"""What was taken from one place, by name."""
_STACKS = frozenset({"exception.stacktrace", "error.stack_trace", "litellm.provider.error.stack_trace"})
_RECORD_BYTES = 2**20
_LATEST_NS = 2**63 - 1
_NESTED = frozenset({"kvlist_value", "array_value"})
_MANY = 1000
_NUMBERS = frozenset({None, "bool_value", "int_value", "double_value"})


@dataclass
class Stripped:
    """What was taken out: how often by convention, and the content itself where the project keeps it."""

    by_convention: Counter[str] = field(default_factory=Counter)
    records: list[ContentRecord] = field(default_factory=list)
    changed: bool = False


class Stripper:
    """Strips one export request. Make a new one for each. `exceptions`: their texts stay."""

    def __init__(self, sender: Sender, *, exceptions: bool = False) -> None:
        self.stripped = Stripped()
        self._sender = sender
        self._exceptions = exceptions
        judge: Judge = content.of_attribute if sender.ours else content.of_foreign_attribute
        self._judge: Judge = content.but_exceptions(judge) if exceptions else judge

    def traces(self, request: ExportTraceServiceRequest) -> Stripped:
        """Strip spans with their events and links, scopes and resources."""
        for resource in request.resource_spans:
            self._attributes(resource.resource.attributes)
            for scope in resource.scope_spans:
                self._attributes(scope.scope.attributes)
                for span in scope.spans:
                    self._span(span)
        return self.stripped

    def logs(self, request: ExportLogsServiceRequest) -> Stripped:
        """Strip log records, scopes and resources."""
        for resource in request.resource_logs:
            self._attributes(resource.resource.attributes)
            for scope in resource.scope_logs:
                self._attributes(scope.scope.attributes)
                for log in scope.log_records:
                    self._log(log)
        return self.stripped

    def metrics(self, request: ExportMetricsServiceRequest) -> Stripped:
        """Strip points with their exemplars, scopes and resources.

        Labels without a namespace stay, since series are told apart by them and no convention has content there.
        """
        for resource in request.resource_metrics:
            self._attributes(resource.resource.attributes)
            for scope in resource.scope_metrics:
                self._attributes(scope.scope.attributes)
                for point in _points(scope.metrics):
                    self._taken(point.attributes, self._judge_label)
                    for exemplar in getattr(point, "exemplars", ()):
                        self._attributes(exemplar.filtered_attributes)
        return self.stripped

    def _judge_label(self, label: str) -> str | None:
        return self._judge(label) if "." in label else None

    def _span(self, span: Span) -> None:
        taken = self._attributes(span.attributes)
        if span.status.message:
            self._status(span, taken)
        self._keep(taken, "attributes", span.trace_id, span.span_id, span.start_time_unix_nano)
        for event in span.events:
            taken = self._event(event.name, event.attributes)
            self._keep(
                {event.name: taken} if taken else {}, "events", span.trace_id, span.span_id, event.time_unix_nano
            )
        for link in span.links:
            self._attributes(link.attributes)

    def _status(self, span: Span, taken: Taken) -> None:
        kept = content.error_type(span.status.message)
        if self._exceptions or kept == span.status.message:
            return
        self._count(content.EXCEPTIONS)
        taken["status.message"] = span.status.message
        span.status.message = kept

    def _log(self, log: LogRecord) -> None:
        name = log.event_name or _text_of(log.attributes, ("event.name", "event_name"))
        before = self._count_of_content()
        taken = self._event(name, log.attributes)
        if name.startswith("gen_ai.") or content.of_event(name) or self._count_of_content() > before:
            taken |= self._body(log, content.of_event(name) or "gen_ai")
        elif log.body.WhichOneof("value") in _NESTED:
            self._value(log.body, taken)
        self._keep({name: taken} if taken else {}, "events", log.trace_id, log.span_id, log.time_unix_nano)

    def _body(self, log: LogRecord, convention: str) -> Taken:
        if log.body.WhichOneof("value") is None:
            return {}
        self._count(convention)
        body = plain(log.body)
        log.ClearField("body")
        return {"body": body}

    def _event(self, name: str, attributes: MutableSequence[KeyValue]) -> Taken:
        """What is taken from an event: all but identifiers if it is content as a whole, else the usual."""
        convention = content.of_event(name)
        if convention is None:
            return self._attributes(attributes)

        def judge(key: str) -> str | None:
            return self._judge(key) or (None if key in content.EVENT_KEPT or key.startswith("gen_ai.") else convention)

        return self._taken(attributes, judge)

    def _attributes(self, attributes: MutableSequence[KeyValue]) -> Taken:
        return self._taken(attributes, self._judge)

    def _taken(self, attributes: MutableSequence[KeyValue], judge: Judge) -> Taken:
        taken: Taken = {}
        gone: list[int] = []
        for index, pair in enumerate(attributes):
            convention = judge(pair.key)
            if convention is not None and (convention != content.EXCEPTIONS or _can_quote(pair.value)):
                taken[pair.key] = self._take(pair, convention)
                if not pair.value.string_value or pair.key not in _STACKS:
                    gone.append(index)
            elif pair.value.WhichOneof("value") in _NESTED:
                self._value(pair.value, taken)
        _remove(attributes, gone)
        return taken

    def _take(self, pair: KeyValue, convention: str) -> object:
        """The value that goes; of a stack trace the frames stay behind."""
        self._count(convention)
        value = plain(pair.value) if self._sender.captures and convention != content.RESERVED else None
        if pair.key in _STACKS and pair.value.string_value:
            pair.value.string_value = content.frames(pair.value.string_value)
        return value

    def _value(self, value: AnyValue, taken: Taken) -> None:
        """Content inside a value of several parts."""
        if value.WhichOneof("value") == "kvlist_value":
            taken |= self._attributes(value.kvlist_value.values)
        else:
            for part in _composed(value.array_value.values):
                self._value(part, taken)

    def _count(self, convention: str) -> None:
        self.stripped.by_convention[convention] += 1
        self.stripped.changed = True

    def _count_of_content(self) -> int:
        counts = self.stripped.by_convention
        return counts.total() - counts[content.EXCEPTIONS] - counts[content.RESERVED]

    def _keep(self, taken: Taken, kind: Kind, trace_id: bytes, span_id: bytes, at_ns: int) -> None:
        """For the content store, which finds content by its span: without one it cannot be kept."""
        body = {name: value for name, value in taken.items() if value is not None}
        project = self._sender.project
        if not body or project is None or not self._sender.captures or (len(trace_id), len(span_id)) != (16, 8):
            return
        encoded = msgspec.json.encode(body)
        cut = len(encoded) > _RECORD_BYTES
        self.stripped.records.append(
            ContentRecord(
                project=project,
                trace_id=trace_id.hex(),
                span_id=span_id.hex(),
                at_ns=min(at_ns, _LATEST_NS),
                source="otlp",
                kind=kind,
                body=msgspec.Raw(_shortened(encoded) if cut else encoded),
                size_bytes=len(encoded) if cut else None,
                cut=cut,
            )
        )


def _shortened(encoded: bytes) -> bytes:
    """The beginning, as a text: cut JSON is none."""
    return msgspec.json.encode(encoded[:_RECORD_BYTES].decode(errors="ignore"))


def _remove(attributes: MutableSequence[KeyValue], places: list[int]) -> None:
    """One by one, each moves all that follow: of many, what stays is written anew."""
    if len(places) > _MANY:
        gone = set(places)
        kept = [pair for place, pair in enumerate(attributes) if place not in gone]
        del attributes[:]
        attributes.extend(kept)
        return
    for place in reversed(places):
        del attributes[place]


def _can_quote(value: AnyValue) -> bool:
    """Flags and numbers quote nobody: `error` is often one."""
    return value.WhichOneof("value") not in _NUMBERS


def _points(metrics: Iterable[Metric]) -> Iterator[Any]:
    for metric in metrics:
        kind = metric.WhichOneof("data")
        if kind is not None:
            yield from getattr(metric, kind).data_points


def _composed(values: Iterable[AnyValue]) -> Iterator[AnyValue]:
    return (value for value in values if value.WhichOneof("value") in _NESTED)


def _text_of(attributes: Iterable[KeyValue], keys: tuple[str, ...]) -> str:
    return next((pair.value.string_value for pair in attributes if pair.key in keys), "")
