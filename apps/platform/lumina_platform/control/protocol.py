"""Bounds on a request's head: uvicorn has none of its own on its bytes and its time."""

from asyncio import TimerHandle, Transport
from http import HTTPStatus
from typing import Any, ClassVar, NoReturn

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from lumina_kit import problems
from lumina_kit.errors import LuminaError

SLICE_BYTES = 1024  # what the parser is fed at once: a head that is not complete is measured in these
MOST_HEADERS = 100
SEPARATORS = len(b": " + b"\r\n")


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
    """uvicorn's protocol; it ends a connection whose request head is too large or too slow.

    So it does with one whose request has its answer and goes on sending a body for `head_seconds`.
    """

    head_bytes: ClassVar[int]
    head_seconds: ClassVar[float]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._in_head = False
        self._in_message = False
        self._pieces = 0  # bytes of the address and of whole headers
        self._fed = 0  # bytes fed for the head alone; they may end in a header that is not whole
        self._began = 0  # heads that began in the slice
        self._too_large: HeadTooLarge | None = None
        self._deadline: TimerHandle | None = None
        self._lingering: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_is_done()
        self._stop_lingering()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        for start in range(0, len(data), SLICE_BYTES):
            if self.transport.is_closing():
                return
            self._feed(data[start : start + SLICE_BYTES])

    def _feed(self, data: bytes) -> None:
        between, self._began = not self._in_message, 0
        super().data_received(data)
        if self._in_head and self._began <= between:  # then all of it belongs to the head
            self._fed += len(data)
            if self._fed > self.head_bytes:
                self._refuse(self._above_bytes())

    def on_message_begin(self) -> None:
        self._in_head = self._in_message = True
        self._began += 1
        self._pieces, self._fed = 0, 0
        self._await_head()
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._count(len(name) + len(value) + SEPARATORS)
        if len(self.headers) > MOST_HEADERS:
            self._stop_parsing(
                HeadTooLarge(f"A request may have {MOST_HEADERS} headers at most.", next_step="Send fewer.")
            )

    def on_message_complete(self) -> None:
        self._in_message = False
        super().on_message_complete()
        if self._lingering is not None:
            self._stop_lingering()
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._in_message and not self._in_head and self.cycle.response_complete:
            self._lingering = self.loop.call_later(self.head_seconds, self.transport.close)

    def on_headers_complete(self) -> None:
        self._head_is_done()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        self._refuse(self._too_large or NotHttp(msg, next_step="Send HTTP/1.1; for TLS use the https address."))

    def _count(self, size: int) -> None:
        self._pieces += size
        if self._pieces > self.head_bytes:
            self._stop_parsing(self._above_bytes())

    def _above_bytes(self) -> HeadTooLarge:
        return HeadTooLarge(
            f"A request's head may have {self.head_bytes:,} bytes at most.",
            next_step="Send a shorter address and less in headers.",
        )

    def _stop_parsing(self, error: HeadTooLarge) -> NoReturn:
        """The parser turns what its callbacks raise into an error of its own, upon which uvicorn sends a 400."""
        self._too_large = error
        raise error

    def _stop_lingering(self) -> None:
        if self._lingering is not None:
            self._lingering.cancel()
            self._lingering = None

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
            self._refuse(_slow(self.head_seconds))

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


def _slow(seconds: float) -> SlowHead:
    return SlowHead(
        f"The request's head was not complete within {seconds:g} s.", next_step="Send the whole head at once."
    )


def _raw(error: LuminaError) -> bytes:
    answer = problems.response(error)
    head = [f"HTTP/1.1 {error.status} {HTTPStatus(error.status).phrase}", "connection: close"]
    head += [f"{name.decode()}: {value.decode()}" for name, value in answer.raw_headers]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + bytes(answer.body)
