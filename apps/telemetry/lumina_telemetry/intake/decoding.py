"""From the bytes of an export request to rows, in a thread: a large one must not hold up the event loop."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, cast

from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from lumina_telemetry.errors import BadOtlp, IntakeFull, OtlpTooLarge
from lumina_telemetry.intake import otlp_json
from lumina_telemetry.intake.bodies import JSON
from lumina_telemetry.intake.counting import widest
from lumina_telemetry.intake.logs import decode_logs
from lumina_telemetry.intake.sender import Decoded, Sender, Tally
from lumina_telemetry.intake.signals import Signal
from lumina_telemetry.intake.stripping import Stripped, Stripper
from lumina_telemetry.intake.traces import decode_traces
from lumina_telemetry.settings import TelemetrySettings

_MOST_WAITING = 64
_LARGE_BYTES = 2**20


class MetricsDecoding(Protocol):
    """What turns metrics into rows."""

    def decode(self, request: ExportMetricsServiceRequest, sender: Sender) -> Decoded:
        """Rows of all points that can be kept."""


@dataclass(frozen=True)
class Taken:
    """A request when all is decoded. `body`: as protobuf, without content, to be passed on."""

    decoded: Decoded
    stripped: Stripped
    tally: Tally
    body: bytes


class Decoding:
    """One thread; so many requests may wait for it."""

    def __init__(self, settings: TelemetrySettings, metrics: MetricsDecoding, now_ns: Callable[[], int]) -> None:
        self._settings = settings
        self._metrics = metrics
        self._now_ns = now_ns
        self._thread = ThreadPoolExecutor(1, "intake")
        self._waiting = 0

    async def run(self, signal: Signal, body: bytes, encoding: str, sender: Sender) -> Taken:
        """Decode one body. Raises BadOtlp, OtlpTooLarge, and IntakeFull where too many wait."""
        if self._waiting >= _MOST_WAITING:
            raise IntakeFull("Too many export requests wait to be decoded.", retry_after=1.0)
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._thread, self.decode, signal, body, encoding, sender)
        finally:
            self._waiting -= 1

    def decode(self, signal: Signal, body: bytes, encoding: str, sender: Sender) -> Taken:
        """Parse, strip, map to rows; in this order, so that no row ever sees content."""
        request = signal.request()
        if encoding == JSON:
            otlp_json.parse(body, request)
        else:
            self._check(body)
            _parse(body, request)
        tally, stripper = Tally(), Stripper(sender, exceptions=self._settings.exception_texts)
        if isinstance(request, ExportTraceServiceRequest):
            stripped = stripper.traces(request)
            decoded = decode_traces(request, sender, self._settings, self._now_ns(), tally)
        elif isinstance(request, ExportLogsServiceRequest):
            stripped = stripper.logs(request)
            decoded = decode_logs(request, sender, self._settings, self._now_ns(), tally)
        else:
            metrics = cast(ExportMetricsServiceRequest, request)
            stripped = stripper.metrics(metrics)
            decoded = self._metrics.decode(metrics, sender)
        unchanged = encoding != JSON and not stripped.changed
        return Taken(decoded, stripped, tally, body if unchanged else request.SerializeToString())

    def _check(self, body: bytes) -> None:
        """Small bodies cannot hold so many items that it matters."""
        most = self._settings.queue_rows // 2
        if len(body) > _LARGE_BYTES and widest(body, most) > most:
            raise OtlpTooLarge(f"The request has more than {most} items.", next_step="Export smaller batches.")


def _parse(body: bytes, into: Message) -> None:
    try:
        into.ParseFromString(body)
    except DecodeError as error:
        raise BadOtlp.of("protobuf", error) from None
