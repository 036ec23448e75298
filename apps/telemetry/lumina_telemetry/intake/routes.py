"""OTLP over HTTP: `/v1/traces`, `/v1/logs`, `/v1/metrics`. Intake is counted, not traced."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from aiohttp import web
from aiohttp.typedefs import Handler

from lumina_contracts.content import ContentRecord
from lumina_kit.errors import LuminaError
from lumina_telemetry.answering.answers import PROJECT_HEADER
from lumina_telemetry.errors import OtlpTooLarge
from lumina_telemetry.intake.answers import refusal, success
from lumina_telemetry.intake.bodies import Bodies, end_broken, media
from lumina_telemetry.intake.decoding import Decoding, MetricsDecoding, Taken
from lumina_telemetry.intake.sender import Sender
from lumina_telemetry.intake.signals import LOGS, METRICS, TRACES, Kind, Signal
from lumina_telemetry.measures import Measures
from lumina_telemetry.rows import Batch
from lumina_telemetry.settings import TelemetrySettings

CAPTURE_HEADER = "x-lumina-capture"
"""Set to 1 by control where the sender's project captures content."""


class Waiting(Protocol):
    """Where rows wait to be stored."""

    def offer(self, batch: Batch) -> None:
        """Take a batch. Raises IntakeFull or DiskFull; never blocks."""


Forward = Callable[[Kind, bytes, int], None]
"""Passes a request on: signal, body as protobuf, how many items; never blocks."""


@dataclass(frozen=True)
class _Intake:
    pending: Waiting
    measures: Measures
    content: Callable[[list[ContentRecord]], None]
    forward: Forward
    bodies: Bodies
    decoding: Decoding
    most_items: int

    def handler(self, signal: Signal) -> Handler:
        async def take(request: web.Request) -> web.StreamResponse:
            try:
                answer = await self._take(signal, request)
            except LuminaError as error:
                answer = refusal(error, request.content_type)
                end_broken(request, answer)
            self.measures.requested(signal.kind, answer.status)
            return answer

        return take

    async def _take(self, signal: Signal, request: web.Request) -> web.Response:
        encoding = media(request)
        async with self.bodies.read(request, encoding) as body:
            taken = await self.decoding.run(signal, body, encoding, _sender(request))
        items = self._items(taken.decoded.batch)
        self.pending.offer(taken.decoded.batch)
        self._counted(signal, taken, items)
        if taken.stripped.records:
            self.content(taken.stripped.records)
        self.forward(signal.kind, taken.body, items)
        return success(signal.answer(taken.decoded.rejected, taken.decoded.message), encoding)

    def _items(self, batch: Batch) -> int:
        """How many rows there are. More than ever fit must not be sent again and again."""
        items = len(batch.spans) + len(batch.logs) + len(batch.numbers) + len(batch.histograms)
        if items > self.most_items:
            raise OtlpTooLarge(
                f"The request has {items} items; at most {self.most_items} are taken at once.",
                next_step="Export smaller batches.",
            )
        return items

    def _counted(self, signal: Signal, taken: Taken, items: int) -> None:
        rejected = taken.decoded.rejected
        self.measures.received(signal.items, items + rejected)
        for reason, count in (*taken.decoded.dropped.items(), *taken.tally.cut.items()):
            self.measures.dropped(signal.items, reason, count)
        for convention, count in taken.stripped.by_convention.items():
            self.measures.stripped(convention, count)


def routes(
    pending: Waiting,
    measures: Measures,
    settings: TelemetrySettings,
    content: Callable[[list[ContentRecord]], None],
    metrics_decoder: MetricsDecoding,
    forward: Forward,
    now_ns: Callable[[], int] = time.time_ns,
) -> list[web.RouteDef]:
    """The routes of intake. `content` gets what was stripped for projects that capture; it never blocks."""
    decoding = Decoding(settings, metrics_decoder, now_ns)
    intake = _Intake(
        pending, measures, content, forward, Bodies(settings.body_bytes), decoding, settings.queue_rows // 2
    )
    return [web.post(f"/v1/{signal.kind}", intake.handler(signal)) for signal in (TRACES, LOGS, METRICS)]


def _sender(request: web.Request) -> Sender:
    """Lumina's own processes name no project; control names the one of the key that somebody else came with."""
    project = request.headers.get(PROJECT_HEADER)
    captures = project is not None and request.headers.get(CAPTURE_HEADER) == "1"
    return Sender(project=project, ours=project is None, captures=captures)
