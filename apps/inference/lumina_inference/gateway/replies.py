"""Answers to the client: every one carries the request's id and trace."""

import re
import time
from collections.abc import Iterable, Mapping
from functools import cache
from http import HTTPStatus

from aiohttp import HttpVersion11
from aiohttp.helpers import rfc822_formatted_time
from aiohttp.web import BaseRequest, StreamResponse
from msgspec import json

from lumina_inference.gateway.calls import Call
from lumina_inference.gateway.capture import Content
from lumina_inference.gateway.dialects import DIALECTS
from lumina_inference.gateway.errors import ApiError
from lumina_inference.gateway.index import header_value

JSON = "application/json"
_EVENT_STREAM = "Content-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-cache\r\nX-Accel-Buffering: no\r\n"
_RATE_LIMIT = "x-ratelimit-"
_PROVIDERS = "llm_provider-"
_PASSED_ON = frozenset({"retry-after", "retry-after-ms", "x-should-retry", "openai-processing-ms", "openai-version"})
_PROVIDERS_OWN = frozenset({"x-request-id", "request-id"})
_NANO = 1_000_000_000
_SAFE_VALUE = re.compile(r"[\x20-\x7e]*")


class _Joined(StreamResponse):
    """An answer whose bytes are joined here and written at once.

    It takes the place of aiohttp's own responses, whose general headers cost more than the rest of a request: all
    header values here are our own or checked, so they are joined and not parsed again.
    """

    def __init__(self, status: int, lines: str) -> None:
        super().__init__(status=status)
        self._lines = lines
        self._client: BaseRequest | None = None

    async def prepare(self, request: BaseRequest) -> None:
        """Called before the first write; nothing is sent yet."""
        self._client = request
        if self._keep_alive is None:
            self._keep_alive = request.keep_alive

    def _head(self, framing: str) -> bytes:
        closing = "" if self._keep_alive else "Connection: close\r\n"
        date = f"Date: {rfc822_formatted_time()}\r\nServer: lumina\r\n"
        return (_status_line(self.status) + self._lines + framing + date + closing + "\r\n").encode("ascii")

    async def _send(self, data: bytes) -> None:
        """Raises ConnectionResetError if the client is gone, or does not read."""
        request = self._client
        if request is None or request.transport is None or request.transport.is_closing():
            raise ConnectionResetError("The client is gone.")
        request.writer.output_size += len(data)
        request.transport.write(data)
        await request.writer.drain()


class Reply(_Joined):
    """A whole answer, written in one piece."""

    def __init__(self, status: int, lines: str, body: bytes) -> None:
        super().__init__(status, lines)
        self._content = body
        self._sent = False

    async def write_eof(self, data: bytes = b"") -> None:
        """Send it all; aiohttp calls it once more when the handler is done."""
        if self._sent:
            return
        self._sent = True
        content = b"" if self._client is not None and self._client.method == "HEAD" else self._content
        await self._send(self._head(f"Content-Length: {len(self._content)}\r\n") + content)


class EventStream(_Joined):
    """A streamed answer: its head leaves together with the first events, its end with the last."""

    _pending = b""
    _in_chunks = True
    _ended = False

    async def prepare(self, request: BaseRequest) -> None:
        """HTTP/1.0 knows no chunks: there the end of the connection is the end of the stream."""
        if self._client is not None:
            return
        self._in_chunks = request.version >= HttpVersion11
        if not self._in_chunks:
            self.force_close()
        await super().prepare(request)
        self._pending = self._head("Transfer-Encoding: chunked\r\n" if self._in_chunks else "")

    async def write(self, data: bytes | bytearray | memoryview) -> None:
        await self._send(self._framed(bytes(data)))

    async def write_eof(self, data: bytes = b"") -> None:
        """Send the last events and the end; aiohttp calls it once more when the handler is done."""
        if not self._ended:
            self._ended = True
            await self._send(self._framed(data) + (b"0\r\n\r\n" if self._in_chunks else b""))

    def _framed(self, data: bytes) -> bytes:
        head, self._pending = self._pending, b""
        if not data or not self._in_chunks:
            return head + data
        return b"%b%x\r\n%b\r\n" % (head, len(data), data)


class _CapturedStream(EventStream):
    """A stream whose project keeps what is said."""

    def __init__(self, status: int, lines: str, captured: Content) -> None:
        super().__init__(status, lines)
        self._captured = captured

    async def write(self, data: bytes | bytearray | memoryview) -> None:
        self._captured.answered(bytes(data))
        await super().write(data)

    async def write_eof(self, data: bytes = b"") -> None:
        if not self._ended:
            self._captured.answered(data)
        await super().write_eof(data)


@cache
def _status_line(status: int) -> str:
    """Also for a backend's own status that no standard names, as Anthropic's 529 or Cloudflare's 520."""
    phrases = {known.value: known.phrase for known in HTTPStatus}
    return f"HTTP/1.1 {status} {phrases.get(status, '')}\r\n"


def lines(headers: Iterable[tuple[str, str]]) -> str:
    """Header fields as they are sent. Names and values are our own, or checked."""
    return "".join([f"{name}: {value}\r\n" for name, value in headers])


def reply(call: Call, body: bytes, *, status: int = 200, media: str = JSON) -> Reply:
    """A whole answer of our own."""
    call.status = status
    return Reply(status, lines((("Content-Type", media), *call.reply_headers)), body)


def reply_json(call: Call, value: object, *, status: int = 200) -> Reply:
    return reply(call, json.encode(value), status=status)


def reply_answer(call: Call, body: bytes) -> Reply:
    """A backend's whole answer."""
    call.status = 200
    cost = call.cost_nano_usd
    priced = "" if cost is None else f"x-litellm-response-cost: {cost / _NANO:.10g}\r\n"
    if call.content is not None:
        call.content.answered(body)
    return Reply(200, f"Content-Type: {JSON}\r\n{_told(call)}{priced}", body)


def reply_error(call: Call, error: ApiError) -> Reply:
    """The body of an error in the form that the path has, with its status."""
    call.error_type = error.kind
    call.status = error.http_status
    told = _told(call) if call.target is not None else lines(call.reply_headers)
    body = error.body if call.operation is None else DIALECTS[call.operation.form].error(error.detail, call.status)
    if call.content is not None:
        call.content.answered(body)
    return Reply(call.status, f"Content-Type: {JSON}\r\n{told}{lines(error.headers.items())}", body)


def event_stream(call: Call) -> EventStream:
    """The head of a stream of server-sent events; not sent yet."""
    call.status = 200
    head = _EVENT_STREAM + _told(call)
    return EventStream(200, head) if call.content is None else _CapturedStream(200, head, call.content)


def _told(call: Call) -> str:
    """What LiteLLM's clients read of how a request was served, where we know it."""
    milliseconds = (time.perf_counter() - call.started) * 1000
    told = (
        f"{lines(call.reply_headers)}x-litellm-call-id: {call.request_id}\r\n"
        f"x-litellm-attempted-retries: {call.retries}\r\nx-litellm-attempted-fallbacks: {call.fallbacks}\r\n"
        f"x-litellm-response-duration-ms: {milliseconds:.3f}\r\n"
    )
    if call.max_retries:
        told += f"x-litellm-max-retries: {call.max_retries}\r\n"
    if call.timeout_seconds is not None:
        told += f"x-litellm-timeout: {call.timeout_seconds:g}\r\n"
    if call.target is not None:
        overhead = max(0.0, milliseconds - call.waited_seconds * 1000)
        call.overhead_seconds = overhead / 1000
        told += f"x-litellm-overhead-duration-ms: {overhead:.3f}\r\n"
    return told + _told_of_backend(call)


def _told_of_backend(call: Call) -> str:
    if call.target is None:
        return lines(call.rate_headers)
    told = call.target.reply_lines
    if call.caller is not None and call.caller.is_admin:  # to others our addresses are nobody's business
        told += f"x-litellm-model-api-base: {header_value(call.target.backend.url)}\r\n"
    if not call.rate_headers:
        return told + lines(call.backend_headers)
    # Our own limits are what the caller has to keep, not those of one of several backends.
    theirs = [pair for pair in call.backend_headers if not pair[0].startswith(_RATE_LIMIT)]
    return told + lines(call.rate_headers) + lines(theirs)


def passed_on(headers: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    """The few fields of a backend's answer that callers can use; cookies and hop-by-hop fields are not among them.

    Its rate limits, ids and times come a second time as `llm_provider-*`, where LiteLLM's clients look for them.
    """
    for name, value in headers.items():
        lower = name.lower()
        limit = lower.startswith(_RATE_LIMIT)
        if not (limit or lower in _PASSED_ON or lower in _PROVIDERS_OWN):
            continue
        if _SAFE_VALUE.fullmatch(value) and _SAFE_VALUE.fullmatch(name):
            if lower not in _PROVIDERS_OWN:
                yield lower, value
            yield f"{_PROVIDERS}{lower}", value
