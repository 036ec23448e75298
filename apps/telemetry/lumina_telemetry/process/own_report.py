"""What telemetry counts of itself, taken in like anyone's metrics."""

import asyncio
import time
from collections.abc import Callable

from aiohttp import web
from prometheus_client import generate_latest

from lumina_kit import logs
from lumina_kit.errors import LuminaError
from lumina_telemetry.intake.metrics import MetricsDecoder
from lumina_telemetry.intake.sender import Sender
from lumina_telemetry.measures import Measures
from lumina_telemetry.reporting import encode
from lumina_telemetry.store.pending import Pending

SECONDS = 10.0
SERVICE = "lumina-telemetry"
_log = logs.get(__name__)


class OwnReport:
    """Reports every ten seconds; `forward` passes it on as everything else."""

    def __init__(
        self,
        measures: Measures,
        decoder: MetricsDecoder,
        pending: Pending,
        forward: Callable[[bytes, int], None],
    ) -> None:
        self._measures, self._decoder, self._pending, self._forward = measures, decoder, pending, forward

    async def run(self) -> None:
        """Report until cancelled; counts are cumulative, so the next report makes good what the store did not take."""
        started_ns = time.time_ns()
        while True:
            await asyncio.sleep(SECONDS)
            try:
                self._report(started_ns)
            except LuminaError as error:
                _log.debug("own metrics were not stored", reason=error.message)

    def routes(self) -> list[web.RouteDef]:
        """`GET /self`: the same numbers as Prometheus's text."""
        return [web.get("/self", self._shown)]

    def _report(self, started_ns: int) -> None:
        request = encode(self._measures.registry, SERVICE, SERVICE, started_ns, time.time_ns())
        decoded = self._decoder.decode(request, Sender(project=None, ours=True, captures=False))
        points = len(decoded.batch.numbers) + len(decoded.batch.histograms)
        self._measures.received("points", points + decoded.rejected)
        for reason, count in decoded.dropped.items():
            self._measures.dropped("points", reason, count)
        self._pending.offer(decoded.batch)
        self._forward(request.SerializeToString(), points)

    async def _shown(self, _request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(self._measures.registry), content_type="text/plain", charset="utf-8")
