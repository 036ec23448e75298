"""Log rows as an OTLP export request: Lumina's own log does not come in as one, but goes out with the rest."""

from collections import defaultdict
from collections.abc import Iterable
from typing import cast

import msgspec
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ScopeLogs, SeverityNumber

from lumina_telemetry.rows import LogRow


def request_of(rows: Iterable[LogRow]) -> bytes:
    """The rows, by service and scope."""
    scopes: dict[tuple[str, str], ScopeLogs] = defaultdict(ScopeLogs)
    for row in rows:
        scopes[row.service, row.scope].log_records.append(_record(row))
    request = ExportLogsServiceRequest()
    for (service, scope), logs in scopes.items():
        logs.scope.name = scope
        resource = request.resource_logs.add(scope_logs=[logs])
        resource.resource.attributes.append(_pair("service.name", service))
    body: bytes = request.SerializeToString()
    return body


def _record(row: LogRow) -> LogRecord:
    values: dict[str, object] = msgspec.json.decode(row.attributes)
    return LogRecord(
        time_unix_nano=row.time_ns,
        observed_time_unix_nano=row.observed_ns,
        severity_number=cast(SeverityNumber.ValueType, row.severity),
        severity_text=row.severity_text,
        body=AnyValue(string_value=row.body),
        event_name=row.event_name,
        trace_id=bytes.fromhex(row.trace_id),
        span_id=bytes.fromhex(row.span_id),
        attributes=[_pair(key, value) for key, value in values.items()],
    )


def _pair(key: str, value: object) -> KeyValue:
    return KeyValue(key=key, value=_value(value))


def _value(value: object) -> AnyValue:
    """A value of JSON; what has parts goes as its JSON, and a number beyond 64 bits as a text."""
    match value:
        case bool():
            return AnyValue(bool_value=value)
        case int() if -(2**63) <= value < 2**63:
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case str():
            return AnyValue(string_value=value)
        case None:
            return AnyValue()
    return AnyValue(string_value=msgspec.json.encode(value).decode())
