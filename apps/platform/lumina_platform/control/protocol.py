"""Bounds on a request's head: uvicorn has none of its own on its bytes and its time."""

from asyncio import TimerHandle, Transport
from http import HTTPStatus
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from lumina_kit import problems
from lumina_kit.errors import LuminaError


class HeadTooLarge(LuminaError):
    code = "head_too_large"
    status = 431
    title = "The request's head is too large"


class SlowHead(LuminaError):
    code = "slow_head"
    status = 408
    title = "The request's head came too slowly"


class NotHttp(LuminaError):
    code = "not_http"
    status = 400
    title = "Not an HTTP request"


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol; it ends a connection whose request head is too large or too slow."""

    head_bytes: ClassVar[int]
    head_seconds: ClassVar[float]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._in_head = False
        self._head_size = 0
        self._deadline: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_is_done()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._in_head:  # then all of it belongs to the head
            self._head_size += len(data)
            if self._head_size > self.head_bytes:
                self._refuse(HeadTooLarge(f"A request's head may have {self.head_bytes:,} bytes at most."))

    def on_message_begin(self) -> None:
        self._in_head, self._head_size = True, 0
        self._await_head()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._head_is_done()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        self._refuse(NotHttp(msg))

    def _await_head(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(self.head_seconds, self._late)

    def _head_is_done(self) -> None:
        self._in_head = False
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _late(self) -> None:
        self._deadline = None
        answering: Any = self.cycle  # None before the first request, though uvicorn's type hides it
        if answering is not None and not answering.response_complete:
            self._await_head()  # an answer is still on its way to this client
        else:
            self._refuse(SlowHead(f"The request's head was not complete within {self.head_seconds:g} s."))

    def _refuse(self, error: LuminaError) -> None:
        """Write an error without a request, and close."""
        self._head_is_done()
        if not self.transport.is_closing():
            self.transport.write(_raw(error))
            self.transport.close()


def bounded(head_bytes: int, head_seconds: float) -> type[BoundedProtocol]:
    """The protocol with these bounds."""
    bounds = {"head_bytes": head_bytes, "head_seconds": head_seconds}
    return type("BoundedProtocol", (BoundedProtocol,), bounds)


def _raw(error: LuminaError) -> bytes:
    answer = problems.response(error)
    head = [f"HTTP/1.1 {error.status} {HTTPStatus(error.status).phrase}", "connection: close"]
    head += [f"{name.decode()}: {value.decode()}" for name, value in answer.raw_headers]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + bytes(answer.body)
