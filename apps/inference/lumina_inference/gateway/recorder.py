"""What remains of a request once it is over: one span, its metrics, its backend's tally, one log line."""

import time
from collections.abc import Callable

from lumina_contracts import attributes as names
from lumina_inference.gateway import spans
from lumina_inference.gateway.accesslog import AccessLog, Line, timestamp
from lumina_inference.gateway.calls import Call
from lumina_inference.gateway.metrics import Metrics
from lumina_inference.gateway.standings import Standings


class Recorder:
    """Writes down finished requests.

    `keep_span` takes a span's bytes, `keep_content` what was said; None where nobody wants them.
    """

    def __init__(
        self,
        metrics: Metrics,
        standings: Standings,
        keep_span: Callable[[bytes], None] | None,
        access_log: AccessLog | None,
        keep_content: Callable[[Call], None] | None = None,
    ) -> None:
        self._metrics = metrics
        self._standings = standings
        self._keep_span = keep_span
        self._access_log = access_log
        self._keep_content = keep_content

    def finish(self, call: Call, path: str) -> None:
        """`path` is the request's path as the route table has it: a caller's own text is not logged."""
        self._metrics.observe(call)
        if call.usage is not None and call.target is not None:
            self._standings.of(call.target).tally.used(call.usage, call.cost_nano_usd)
        if self._keep_span is not None:
            self._keep_span(spans.encode(call, path))
        if call.content is not None and self._keep_content is not None:
            self._keep_content(call)
        if self._access_log is not None:
            self._access_log.add(_line(call, path))


def _line(call: Call, path: str) -> Line:
    return Line(
        method=call.request.method,
        path=path,
        status=call.status,
        ms=round((time.perf_counter() - call.started) * 1000, 2),
        model=call.model or names.UNKNOWN,
        backend=call.target.backend.id if call.target else None,
        server=call.target.server if call.target else None,
        key_id=call.caller.key.id if call.caller else None,
        error=call.error_type,
        request_id=call.request_id,
        trace_id=call.trace.trace_id,
        timestamp=timestamp(time.time_ns()),
    )
