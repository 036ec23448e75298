"""Log records of an export request as rows."""

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from lumina_contracts.attributes import PROJECT
from lumina_telemetry.intake.resources import Origin, Resources
from lumina_telemetry.intake.sender import Decoded, Sender, Tally
from lumina_telemetry.intake.traces import LATEST_NS
from lumina_telemetry.intake.values import Bounds, attributes, line, plain
from lumina_telemetry.rows import Batch, LogRow
from lumina_telemetry.settings import TelemetrySettings

_NS_A_DAY = 86_400 * 10**9
_SEVERITIES = range(25)
_SEVERITY_CHARS = 32


def decode_logs(
    request: ExportLogsServiceRequest, sender: Sender, settings: TelemetrySettings, now_ns: int, tally: Tally
) -> Decoded:
    """Rows of all log records that can be kept. The request is stripped of content before."""
    resources = Resources(settings, tally)
    logs = _Logs(sender, Bounds.of(settings, tally.cut), settings, now_ns, tally)
    rows: list[LogRow] = []
    for resource in request.resource_logs:
        origin = resources.origin(resource.resource.attributes)
        for scope in resource.scope_logs:
            rows.extend(logs.rows(scope.log_records, origin, logs.bounds.name(scope.scope.name)))
    return tally.decoded(Batch(logs=rows, resources=resources.rows), "log records")


@dataclass(frozen=True)
class _Logs:
    sender: Sender
    bounds: Bounds
    settings: TelemetrySettings
    now_ns: int
    tally: Tally

    def rows(self, logs: Iterable[LogRecord], origin: Origin, scope: str) -> Iterable[LogRow]:
        oldest_ns = self.now_ns - int(self.settings.retention_days * _NS_A_DAY)
        for log in logs:
            if _time_ns(log, self.now_ns) >= oldest_ns:
                yield self._row(log, origin, scope)
            else:
                self.tally.rejected[f"older than the {self.settings.retention_days:g} days that logs are kept"] += 1

    def _row(self, log: LogRecord, origin: Origin, scope: str) -> LogRow:
        values = attributes(log.attributes, self.bounds)
        project = values.get(PROJECT.name) if self.sender.ours else self.sender.project
        return LogRow(
            time_ns=min(_time_ns(log, self.now_ns), self.now_ns),
            observed_ns=min(log.observed_time_unix_nano or self.now_ns, LATEST_NS),
            severity=log.severity_number if log.severity_number in _SEVERITIES else 0,
            severity_text=self.bounds.name(log.severity_text, _SEVERITY_CHARS),
            body=self._body(log),
            event_name=self.bounds.name(log.event_name),
            trace_id=_id(log.trace_id, 16),
            span_id=_id(log.span_id, 8),
            service=origin.service,
            scope=scope,
            project=project if isinstance(project, str) else None,
            ours=self.sender.ours,
            resource=origin.id,
            attributes=msgspec.json.encode(values).decode(),
        )

    def _body(self, log: LogRecord) -> str:
        bounds = Bounds(self.settings.attributes, self.settings.log_chars, self.tally.cut)
        body = plain(log.body, bounds)
        if body is None:
            return ""
        return line(body if isinstance(body, str) else msgspec.json.encode(body).decode(), self.settings.log_chars)


def _time_ns(log: LogRecord, now_ns: int) -> int:
    return log.time_unix_nano or log.observed_time_unix_nano or now_ns


def _id(given: bytes, length: int) -> str:
    """The protocol wants an id of another length to be taken as absent."""
    return given.hex() if len(given) == length and any(given) else ""
