"""What differs between traces, logs and metrics: their messages, and how a partial success is called."""

from dataclasses import dataclass
from typing import Any, Literal

from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsPartialSuccess,
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsPartialSuccess,
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

Kind = Literal["traces", "logs", "metrics"]


@dataclass(frozen=True)
class Signal:
    """`items` is how measures call what a request holds; `rejected` the field with the count of those refused."""

    kind: Kind
    items: str
    request: type[Message]
    response: type[Message]
    partial: type[Message]
    rejected: str

    def answer(self, rejected: int, message: str) -> Message:
        """The response to a request."""
        if not rejected and not message:
            return self.response()
        told: dict[str, Any] = {self.rejected: rejected, "error_message": message}
        return self.response(partial_success=self.partial(**told))


TRACES = Signal(
    "traces",
    "spans",
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
    ExportTracePartialSuccess,
    "rejected_spans",
)
LOGS = Signal(
    "logs",
    "logs",
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
    ExportLogsPartialSuccess,
    "rejected_log_records",
)
METRICS = Signal(
    "metrics",
    "points",
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
    ExportMetricsPartialSuccess,
    "rejected_data_points",
)
