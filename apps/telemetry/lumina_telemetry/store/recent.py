"""Spans seen in the recent past: a retried export brings the same ones again."""

from lumina_telemetry.rows import SpanRow

GENERATION = 50_000


class Recent:
    """Remembers the last one to two generations of spans, whatever comes in between."""

    def __init__(self, generation: int = GENERATION) -> None:
        self._generation = generation
        self._now: set[int] = set()
        self._before: set[int] = set()

    def unseen(self, spans: list[SpanRow]) -> list[SpanRow]:
        """Those that did not come before with the same trace id, span id and end."""
        return [span for span in spans if self._is_new(span)]

    def _is_new(self, span: SpanRow) -> bool:
        mark = hash((span.trace_id, span.span_id, span.start_ns + span.duration_ns))
        if mark in self._now or mark in self._before:
            return False
        self._now.add(mark)
        if len(self._now) >= self._generation:
            self._before, self._now = self._now, set()
        return True
