from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from lumina_telemetry.forwarding.ownlogs import request_of
from lumina_telemetry.intake.logs import decode_logs
from lumina_telemetry.intake.sender import Sender, Tally
from lumina_telemetry.rows import LogRow
from lumina_telemetry.settings import TelemetrySettings

NOW = 1_780_000_000 * 10**9


def test_rows_that_went_out_come_in_as_they_were() -> None:
    rows = [
        LogRow(
            time_ns=NOW - 1,
            observed_ns=NOW,
            severity=9,
            severity_text="INFO",
            body="ready",
            trace_id="ab" * 16,
            span_id="cd" * 8,
            service="lumina-control",
            scope="control",
            ours=True,
            attributes='{"port":4080,"tls":false,"share":0.5,"why":"x","none":null,"parts":"[1]"}',
        ),
        LogRow(time_ns=NOW - 2, observed_ns=NOW, service="lumina-gateway", ours=True),
    ]

    request = ExportLogsServiceRequest.FromString(request_of(rows))
    batch = decode_logs(request, Sender(), TelemetrySettings(), NOW, Tally()).batch

    assert [(r.service, r.body, r.severity, r.attributes, r.trace_id, r.time_ns) for r in batch.logs] == [
        (r.service, r.body, r.severity, r.attributes, r.trace_id, r.time_ns) for r in rows
    ]
