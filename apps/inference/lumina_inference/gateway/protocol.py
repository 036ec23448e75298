"""HTTP on a socket: aiohttp's server with a deadline for headers, a bound on connections, and OpenAI-shaped errors."""

import asyncio
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong
from aiohttp.web import BaseRequest, StreamResponse

from lumina_inference.gateway.errors import ApiError, BadHttp, HeadersTooLarge, Overloaded, SlowRequest
from lumina_inference.gateway.replies import JSON, Reply, lines
from lumina_inference.gateway.settings import GatewaySettings
from lumina_kit import logs

_log = logs.get(__name__)
_REASONS = {408: "Request Timeout", 503: "Service Unavailable"}


class Connection(web.RequestHandler):
    """One client connection.

    The headers of its first request are due from the moment it is open, those of a later one from their first byte.
    """

    __slots__ = ("_deadline", "_header_seconds", "_heard", "_write_seconds")

    def __init__(self, server: "Server", *, header_seconds: float, write_seconds: float, **options: Any) -> None:
        super().__init__(server, **options)
        self._write_seconds = write_seconds
        self._header_seconds = header_seconds
        self._deadline: asyncio.TimerHandle | None = None
        self._heard = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._set_deadline()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._heard = True
        if self._awaits_headers():
            if self._deadline is None:
                self._set_deadline()
        elif self._deadline is not None:
            self._cancel_deadline()

    def connection_lost(self, exc: BaseException | None) -> None:
        self._cancel_deadline()
        super().connection_lost(exc)

    def handle_error(
        self, request: BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> StreamResponse:
        """The answer to what aiohttp could not parse. It always ends the connection."""
        if request.writer.output_size > 0:
            raise ConnectionError("The answer has begun; there is no room for an error.")
        if status >= 500:
            _log.error("connection failed", exc_info=exc)
        response = _error_response(_parse_error(status, exc, message))
        response.force_close()
        return response

    async def _drain_helper(self) -> None:
        """Wait until the client has read: not for ever, since what it has not read is held."""
        try:
            async with asyncio.timeout(self._write_seconds):
                await super()._drain_helper()
        except TimeoutError:
            if self.transport is not None:
                self.transport.abort()  # close() would wait until all is written
            raise ConnectionResetError("The client does not read its answer.") from None

    def refuse(self, error: ApiError) -> None:
        """Write an error without a request, and close."""
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(_raw(error))
        self.force_close()

    def _awaits_headers(self) -> bool:
        # No public name tells it: aiohttp waits here for a request, and for nothing else.
        return self._waiter is not None and not self._waiter.done()

    def _give_up(self) -> None:
        self._deadline = None
        if not self._awaits_headers():
            return
        if self._heard:
            self.refuse(SlowRequest(f"The request's headers did not arrive within {self._header_seconds:g} s."))
        else:
            self.force_close()  # in silence: a browser that connects ahead would take an error for its next answer

    def _set_deadline(self) -> None:
        self._deadline = asyncio.get_running_loop().call_later(self._header_seconds, self._give_up)

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class Server(web.Server):
    """Makes connections, up to a bound."""

    def __init__(self, handler: Any, settings: GatewaySettings) -> None:
        super().__init__(handler, handler_cancellation=True)
        self._most = settings.max_connections
        self._options: dict[str, Any] = {
            "loop": asyncio.get_running_loop(),
            "header_seconds": settings.header_timeout_seconds,
            "write_seconds": settings.write_timeout_seconds,
            "keepalive_timeout": settings.keepalive_seconds,
            "max_line_size": settings.max_header_bytes,
            "max_field_size": settings.max_header_bytes,
            "max_headers": settings.max_headers,
            "lingering_time": 2.0,
            "auto_decompress": False,
            "access_log": None,
        }

    def __call__(self) -> Connection:
        return Connection(self, **self._options)

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        if len(self.connections) > self._most and isinstance(handler, Connection):
            handler.refuse(Overloaded("The gateway has too many open connections; try again."))


def _parse_error(status: int, exc: BaseException | None, message: str | None) -> ApiError:
    if isinstance(exc, LineTooLong) or message == "Too many headers received":
        return HeadersTooLarge("The request line or its headers are too large for this gateway.")
    if status < 500:
        first_line = (message or "bad request").partition("\n")[0].rstrip(":. ")
        return BadHttp(f"The request is not valid HTTP: {first_line[:200]}.")
    return ApiError("The gateway failed.")


def _error_response(error: ApiError) -> Reply:
    # Not aiohttp's: it takes what it could not parse for HTTP/1.0, and would answer in kind.
    return Reply(error.http_status, lines([("Content-Type", JSON), *error.headers.items()]), error.body)


def _raw(error: ApiError) -> bytes:
    body = error.body
    head = (
        f"HTTP/1.1 {error.http_status} {_REASONS[error.http_status]}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nServer: lumina\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
