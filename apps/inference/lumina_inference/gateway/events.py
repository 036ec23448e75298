"""Server-sent events of a backend: whole ones only, and what they tell."""

import re

from lumina_inference.gateway.answers import Answer, Usage, merged
from lumina_inference.gateway.dialects import Dialect
from lumina_inference.gateway.errors import ApiError, BackendFailed
from lumina_inference.gateway.index import Target
from lumina_inference.gateway.refusals import refusal_in_stream

_END = re.compile(rb"\n\r?\n")


class Events:
    """Cuts a stream into whole events and notes id, model, finish reasons and usage on the way.

    Every event is parsed, so that none passes that a caller could not read. `done`: nothing follows that matters; the
    end itself (`[DONE]`) is not among the events. `pieces`: how many events carried a part of the answer. `failure`:
    the backend told of one, or sent what is no JSON object; what came before it is still given.
    """

    def __init__(self, target: Target, dialect: Dialect, *, hides_usage: bool, max_event_bytes: int) -> None:
        self._target = target
        self._dialect = dialect
        self._hides_usage = hides_usage
        self._max_event_bytes = max_event_bytes
        self._rest = b""
        self._begun: set[int] = set()
        self._ended: set[int] = set()
        self.started = False
        self.done = False
        self.pieces = 0
        self.id: str | None = None
        self.model: str | None = None
        self.finish_reasons: list[str] = []
        self.usage: Usage | None = None
        self.failure: ApiError | None = None

    @property
    def finished(self) -> bool:
        """Every choice that began has given a reason to end."""
        return bool(self._ended) and self._begun <= self._ended

    @property
    def tells_usage(self) -> bool:
        """The usage is that of all that has come: Anthropic's first event tells of one token, whatever follows."""
        if self.usage is None:
            return False
        return self.done or self.finished or self.usage.output_tokens >= self.pieces

    def feed(self, data: bytes) -> bytes:
        """Take what the backend sent; gives the whole events that go on to the caller.

        Raises BackendFailed on an event that is too large.
        """
        data = self._rest + data if self._rest else data
        cut = _last_end(data, len(data))
        self._rest = data[cut:]
        if len(self._rest) > self._max_event_bytes:
            raise BackendFailed(f"{self._target.name} sent an event without an end.")
        return self._kept(data[:cut])

    def finish(self) -> bytes:
        """The stream is over: a last event without its blank line counts if it is whole."""
        data = _data(self._rest)
        if self.done or data is None or (data != b"[DONE]" and self._dialect.event(data) is None):
            return b""
        return self.feed(b"\n\n")

    def _kept(self, block: bytes) -> bytes:
        kept: list[bytes] = []
        start = 0
        while start < len(block) and not self.done and self.failure is None:
            end = _end_of_event(block, start)
            event = block[start:end]
            if self._keeps(event):
                kept.append(event)
            start = end
        return b"".join(kept)

    def _keeps(self, event: bytes) -> bool:
        data = _data(event)
        if data is None:
            return self.started  # a comment: it keeps the connection alive, but is no first event
        if not data:
            return False  # by the standard it is no event, yet the SDKs stumble over it
        if data == b"[DONE]":
            self.done = True
            return False
        return self._keeps_answer(data)

    def _keeps_answer(self, data: bytes) -> bool:
        told = self._dialect.event(data)
        if told is None:
            self.failure = BackendFailed(f"{self._target.name} sent an event that is not a JSON object.")
            return False
        answer = told.answer
        if answer.failed:
            self.failure = refusal_in_stream(self._target, b'{"error":%b}' % bytes(answer.error))
            return False
        self._note(answer)
        self.pieces += told.pieces
        self.done = told.last
        if told.only_usage:  # OpenAI sends it last
            self.done = self.finished
            if self._hides_usage:
                return False
        self.started = True
        return True

    def _note(self, answer: Answer) -> None:
        self.id = self.id or answer.id
        self.model = self.model or answer.model
        if answer.usage is not None:
            self.usage = merged(self.usage, answer.usage)
        for choice in answer.choices or ():
            self._begun.add(choice.index)
            if choice.finish_reason:
                self.finish_reasons.append(choice.finish_reason)
                self._ended.add(choice.index)


def _last_end(data: bytes, before: int) -> int:
    """Where the last event that ends before this position ends; 0 if none does."""
    end = max(data.rfind(b"\n\n", 0, before) + 2, data.rfind(b"\n\r\n", 0, before) + 3)
    return end if end > 3 else 0


def _end_of_event(block: bytes, start: int) -> int:
    end = _END.search(block, start)
    return end.end() if end else len(block)


def _data(event: bytes) -> bytes | None:
    """The data of an event; None for a comment, or an event without data."""
    if event.startswith(b"data:") and event.find(b"\n", 0, -4) < 0:
        return event[5:].strip()  # one line, as nearly all are
    lines = [line[5:] for line in event.splitlines() if line.startswith(b"data:")]
    return b"\n".join(lines).strip() if lines else None
