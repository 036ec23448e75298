"""Answers to the client: every one carries the request's id and trace."""

import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus

from aiohttp.helpers import rfc822_formatted_time
from aiohttp.web import BaseRequest, StreamResponse
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
_SAFE_VALUE = re.compile(r"[\x20-\x7e]*")
_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus}


class Reply(StreamResponse):
    """A whole answer, written in one piece.

    It takes the place of aiohttp's Response, whose general headers cost more than the rest of a request here: all
    header values are our own or checked, so they are joined and not parsed again.
    """

    def __init__(self, status: int, headers: Iterable[tuple[str, str]], body: bytes) -> None:
        super().__init__(status=status)
        self._lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
        self._whole_body = body
        self._request: BaseRequest | None = None

    async def prepare(self, request: BaseRequest) -> None:
        """Called by aiohttp before `write_eof`; nothing is sent yet."""
        self._request = request
        if self.keep_alive is None:
            self._keep_alive = request.keep_alive

    async def write_eof(self, data: bytes = b"") -> None:
        """Send it all. Raises ConnectionResetError if the client is gone."""
        request = self._request
        if request is None or request.transport is None or request.transport.is_closing():
            raise ConnectionResetError("The client is gone.")
        request.transport.write(self._head(request) + (b"" if request.method == "HEAD" else self._whole_body))
        await request.writer.drain()

    def _head(self, request: BaseRequest) -> bytes:
        framing = f"Content-Length: {len(self._whole_body)}\r\nDate: {rfc822_formatted_time()}\r\nServer: lumina\r\n"
        closing = "" if self.keep_alive else "Connection: close\r\n"
        return (_STATUS_LINES[self.status] + self._lines + framing + closing + "\r\n").encode("ascii")


def reply(call: Call, body: bytes, *, status: int = 200, media: str = JSON) -> Reply:
    """A whole answer."""
    call.status = status
    return Reply(status, [("Content-Type", media), *call.reply_headers], body)


def reply_json(call: Call, value: object, *, status: int = 200) -> Reply:
    return reply(call, json.encode(value), status=status)


def reply_error(call: Call, error: ApiError) -> Reply:
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
        wanted = lower in _PASSED_ON or lower.startswith("x-ratelimit-")
        if wanted and _SAFE_VALUE.fullmatch(value) and _SAFE_VALUE.fullmatch(name):
            yield lower, value
