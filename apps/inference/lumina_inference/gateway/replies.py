"""Answers to the client: every one carries the request's id and trace."""

from collections.abc import Iterable, Mapping

from aiohttp.web import Response, StreamResponse
from msgspec import json

from lumina_inference.gateway.calls import Call
from lumina_inference.gateway.errors import ApiError

JSON = "application/json"
_SERVER = ("Server", "lumina")
_EVENT_STREAM = (
    ("Content-Type", "text/event-stream; charset=utf-8"),
    ("Cache-Control", "no-cache"),
    ("X-Accel-Buffering", "no"),
)
_PASSED_ON = frozenset({"retry-after", "retry-after-ms", "x-should-retry", "openai-processing-ms", "openai-version"})


def reply(call: Call, body: bytes, *, status: int = 200, media: str = JSON) -> Response:
    """A whole answer."""
    call.status = status
    headers = (("Content-Type", media), _SERVER, *call.reply_headers)
    return Response(status=status, body=body, headers=headers)


def reply_json(call: Call, value: object, *, status: int = 200) -> Response:
    return reply(call, json.encode(value), status=status)


def reply_error(call: Call, error: ApiError) -> Response:
    """The OpenAI-shaped body of an error, with its status."""
    call.error_type = error.detail.code or error.detail.type
    call.reply_headers.extend(error.headers.items())
    return reply(call, error.body, status=error.http_status)


class EventStream(StreamResponse):
    """A streamed answer whose head leaves together with the first events."""

    _send_headers_immediately = False


def event_stream(call: Call) -> EventStream:
    """The head of a stream of server-sent events; not sent yet."""
    call.status = 200
    return EventStream(status=200, headers=(*_EVENT_STREAM, _SERVER, *call.reply_headers))


def passed_on(headers: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    """The few fields of a backend's answer that callers can use; cookies and hop-by-hop fields are not among them."""
    for name, value in headers.items():
        lower = name.lower()
        if lower in _PASSED_ON or lower.startswith("x-ratelimit-"):
            yield lower, value
