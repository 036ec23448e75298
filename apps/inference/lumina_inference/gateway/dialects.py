"""How the events and errors of a path look: OpenAI's chat completions, its responses, Anthropic's messages."""

from typing import Protocol

from msgspec import DecodeError, Raw, Struct, json

from lumina_inference.gateway import answers
from lumina_inference.gateway.answers import Answer, Choice, InputDetails, OutputDetails, Usage
from lumina_inference.gateway.errors import ErrorDetail, error_body
from lumina_inference.gateway.operations import Form

DONE = b"data: [DONE]\n\n"


class Told(Struct, frozen=True):
    """What one event tells.

    `last`: nothing follows that matters. `only_usage`: it has no part of the answer. `pieces`: tokens in it, as far as
    one can count.
    """

    answer: Answer
    last: bool = False
    only_usage: bool = False
    pieces: int = 1


class Dialect(Protocol):
    """Reads and writes one form."""

    end: bytes
    """What ends a stream that the backend did not end itself."""

    def event(self, data: bytes) -> Told | None:
        """What the data of an event tells; None if it is no JSON object."""
        ...

    def whole(self, body: bytes) -> Answer | None:
        """What a whole answer tells; None if it is no JSON object."""
        ...

    def error(self, detail: ErrorDetail, status: int) -> bytes:
        """The body of an error."""
        ...

    def failure(self, detail: ErrorDetail) -> bytes:
        """The event that tells of a failure in a stream that has begun."""
        ...


class Chat:
    """Chat completions, completions and embeddings."""

    end = DONE

    def event(self, data: bytes) -> Told | None:
        answer = answers.read(data)
        if answer is None:
            return None
        has_choices = bool(answer.choices)
        return Told(answer, only_usage=answer.usage is not None and not has_choices, pieces=int(has_choices))

    def whole(self, body: bytes) -> Answer | None:
        return answers.read(body)

    def error(self, detail: ErrorDetail, status: int) -> bytes:
        return error_body(detail)

    def failure(self, detail: ErrorDetail) -> bytes:
        return b"data: " + error_body(detail) + b"\n\n"


class _Counts(Struct, frozen=True):
    """Usage as /v1/responses and /v1/messages count it; only the latter leaves cached tokens out of the input."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    input_tokens_details: InputDetails | None = None
    output_tokens_details: OutputDetails | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None

    @property
    def usage(self) -> Usage:
        read, written = self.cache_read_input_tokens or 0, self.cache_creation_input_tokens or 0
        cached = InputDetails(cached_tokens=read) if read else self.input_tokens_details
        return Usage(
            prompt_tokens=(self.input_tokens or 0) + read + written,
            completion_tokens=self.output_tokens or 0,
            prompt_tokens_details=cached,
            completion_tokens_details=self.output_tokens_details,
        )


class _Reason(Struct, frozen=True):
    reason: str | None = None


class _Response(Struct, frozen=True):
    id: str | None = None
    model: str | None = None
    status: str | None = None
    usage: _Counts | None = None
    incomplete_details: _Reason | None = None
    error: Raw = Raw(b"null")

    @property
    def answer(self) -> Answer:
        ended = self.incomplete_details.reason if self.incomplete_details else self.status
        done = self.status in {"completed", "incomplete", "failed"}
        return Answer(
            id=self.id,
            model=self.model,
            choices=(Choice(finish_reason=ended),) if done else None,
            usage=self.usage.usage if self.usage else None,
            error=self.error,
        )


class _ResponsesEvent(Struct, frozen=True):
    type: str = ""
    response: _Response | None = None


_responses_event = json.Decoder(_ResponsesEvent)
_response = json.Decoder(_Response)
_LAST_RESPONSES = frozenset({"response.completed", "response.incomplete"})


class Responses:
    """OpenAI's /v1/responses."""

    end = b""

    def event(self, data: bytes) -> Told | None:
        try:
            event = _responses_event.decode(data)
        except (DecodeError, UnicodeDecodeError, RecursionError):
            return _unread(data)
        if event.type in {"error", "response.failed"}:
            return Told(Answer(error=Raw(_responses_error(event, data))))
        answer = event.response.answer if event.response else answers.NOTHING
        return Told(answer, last=event.type in _LAST_RESPONSES, pieces=int(event.type.endswith(".delta")))

    def whole(self, body: bytes) -> Answer | None:
        try:
            return _response.decode(body).answer
        except (DecodeError, UnicodeDecodeError, RecursionError):
            return answers.read(body) and answers.NOTHING

    def error(self, detail: ErrorDetail, status: int) -> bytes:
        return error_body(detail)

    def failure(self, detail: ErrorDetail) -> bytes:
        told = {"type": "error", "code": detail.code, "message": detail.message, "param": detail.param}
        return b"event: error\ndata: " + json.encode(told | {"sequence_number": 0}) + b"\n\n"


class _MessagesAnswer(Struct, frozen=True):
    id: str | None = None
    model: str | None = None
    stop_reason: str | None = None
    usage: _Counts | None = None


class _MessagesEvent(Struct, frozen=True):
    type: str = ""
    message: _MessagesAnswer | None = None
    delta: _MessagesAnswer | None = None
    usage: _Counts | None = None
    error: Raw = Raw(b"null")


_messages_event = json.Decoder(_MessagesEvent)
_messages_answer = json.Decoder(_MessagesAnswer)
_ANTHROPIC_TYPES = {
    400: "invalid_request_error", 401: "authentication_error", 403: "permission_error", 404: "not_found_error",
    413: "request_too_large", 429: "rate_limit_error", 504: "timeout_error", 529: "overloaded_error",
}  # fmt: skip


class Messages:
    """Anthropic's /v1/messages. Its stream ends with `message_stop`; its usage comes in two parts."""

    end = b""

    def event(self, data: bytes) -> Told | None:
        try:
            event = _messages_event.decode(data)
        except (DecodeError, UnicodeDecodeError, RecursionError):
            return _unread(data)
        told = event.message or event.delta
        counts = event.usage or (event.message.usage if event.message else None)
        answer = Answer(
            id=told.id if told else None,
            model=told.model if told else None,
            choices=(Choice(finish_reason=told.stop_reason),) if told and told.stop_reason else None,
            usage=counts.usage if counts else None,
            error=event.error,
        )
        return Told(answer, last=event.type == "message_stop", pieces=int(event.type == "content_block_delta"))

    def whole(self, body: bytes) -> Answer | None:
        try:
            told = _messages_answer.decode(body)
        except (DecodeError, UnicodeDecodeError, RecursionError):
            return answers.read(body) and answers.NOTHING
        choices = (Choice(finish_reason=told.stop_reason),) if told.stop_reason else None
        return Answer(id=told.id, model=told.model, choices=choices, usage=told.usage.usage if told.usage else None)

    def error(self, detail: ErrorDetail, status: int) -> bytes:
        kind = _ANTHROPIC_TYPES.get(status, "api_error" if status >= 500 else "invalid_request_error")
        return json.encode({"type": "error", "error": {"type": kind, "message": detail.message}})

    def failure(self, detail: ErrorDetail) -> bytes:
        return b"event: error\ndata: " + self.error(detail, 500) + b"\n\n"


def _unread(data: bytes) -> Told | None:
    """An event with fields of odd types passes; one that is no JSON object does not."""
    return None if answers.read(data) is None else Told(answers.NOTHING)


def _responses_error(event: _ResponsesEvent, data: bytes) -> bytes:
    if event.response is not None and bytes(event.response.error) != b"null":
        return bytes(event.response.error)
    return data


DIALECTS: dict[Form, Dialect] = {"chat": Chat(), "responses": Responses(), "messages": Messages()}
