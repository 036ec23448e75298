"""Log records and points of metrics, encoded once and given new times for each batch."""

import struct
import time

from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AGGREGATION_TEMPORALITY_CUMULATIVE

from bench.telemetry.stream import pair, places

RECORDS_A_BATCH = 512
_THEN_NS = 1_234_567_890_123_456_789
_THEN = struct.pack("<Q", _THEN_NS)
_WORDS = ("connected", "cache miss for tenant", "retrying", "slow query", "done", "evicted", "queue drained")


class Repeated:
    """The same batch again and again, each time of the present."""

    def __init__(self, message: Message) -> None:
        encoded = message.SerializeToString()
        self._bytes = bytearray(encoded)
        self._times = places(encoded, _THEN)

    def batch(self) -> tuple[bytes, str]:
        """The next one; it has no trace."""
        now = time.time_ns()
        for number, place in enumerate(self._times):
            struct.pack_into("<Q", self._bytes, place, now + number)
        return bytes(self._bytes), ""


def logs() -> Repeated:
    """512 records with eight attributes each."""
    request = ExportLogsServiceRequest()
    resource = request.resource_logs.add()
    resource.resource.attributes.append(pair("service.name", "bench"))
    scope = resource.scope_logs.add()
    for number in range(RECORDS_A_BATCH):
        record = scope.log_records.add(time_unix_nano=_THEN_NS, severity_number=9 + number % 9)
        record.body.string_value = f"{_WORDS[number % len(_WORDS)]} {number} after {number * 7 % 300} ms"
        record.attributes.extend(pair(f"app.field{place}", f"value-{number % (place + 2)}") for place in range(8))
    return Repeated(request)


def points() -> Repeated:
    """512 points of counters: 32 metrics with 16 series each."""
    request = ExportMetricsServiceRequest()
    resource = request.resource_metrics.add()
    resource.resource.attributes.append(pair("service.name", "bench"))
    scope = resource.scope_metrics.add()
    for metric in range(32):
        summed = scope.metrics.add(name=f"bench.counter{metric}", unit="1").sum
        summed.is_monotonic = True
        summed.aggregation_temporality = AGGREGATION_TEMPORALITY_CUMULATIVE
        for series in range(16):
            point = summed.data_points.add(time_unix_nano=_THEN_NS, as_int=metric * series)
            point.attributes.append(pair("route", f"route-{series}"))
    return Repeated(request)
