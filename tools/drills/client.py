"""A load client that costs little: kept connections, whole answers as bytes, and the times that drills compare."""

import asyncio
import time
from dataclasses import dataclass
from typing import Literal, cast
from urllib.parse import urlsplit

from tools.drills import wire

_FIRST_EVENT = b"data: {"
Outcome = Literal["answered", "told", "refused", "broken"]


@dataclass(slots=True)
class Answer:
    """What came. `status` is 0 when no head did; `whole`: the end of the answer came.

    Times are monotonic seconds; `made` is that of the connection.
    """

    status: int
    body: bytes
    head: bytes
    whole: bool
    made: float
    sent: float
    first: float | None
    ended: float

    @property
    def seconds(self) -> float:
        return self.ended - self.sent

    def outcome(self, text: str) -> Outcome:
        """`answered` with this text, `told` of a failure in a begun stream, `refused` by a status, else `broken`."""
        if self.status != 200:
            return "refused" if self.status and self.whole else "broken"
        if self.body.startswith(b"data:") and not self.body.rstrip().endswith(b"[DONE]"):
            return "told" if b'data: {"error"' in self.body.replace(b'data: { "', b'data: {"') else "broken"
        try:
            return "answered" if self.whole and wire.content(self.body) == text else "broken"
        except (ValueError, LookupError):
            return "broken"


class Connection(asyncio.Protocol):
    """One connection: a request at a time."""

    def __init__(self) -> None:
        self.open = False
        self._made = time.monotonic()
        self._waiting: asyncio.Future[Answer] | None = None
        self._begin()

    def _begin(self) -> None:
        self._data, self._sent = bytearray(), time.monotonic()
        self._head_size, self._size = 0, -1
        self._first: float | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport, self.open = cast(asyncio.Transport, transport), True  # uvloop's is of no asyncio class

    def ask(self, request: bytes) -> "asyncio.Future[Answer]":
        self._begin()
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._waiting

    def leave(self) -> None:
        """Break the connection, as a client does that has lost interest."""
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        if self._waiting is None:
            return
        self._data += data
        if not self._head_size and not self._read_head():
            return
        if self._first is None and _FIRST_EVENT in self._data:
            self._first = time.monotonic()
        if self._ends():
            self._finish(whole=True)

    def connection_lost(self, error: Exception | None) -> None:
        self.open = False
        if self._waiting is not None:
            self._finish(whole=False)

    def _read_head(self) -> bool:
        end = self._data.find(b"\r\n\r\n")
        if end < 0:
            return False
        self._head_size = end + 4
        for line in bytes(self._data[:end]).lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                self._size = self._head_size + int(line[15:])
        return True

    def _ends(self) -> bool:
        if self._size >= 0:
            return len(self._data) >= self._size
        return self._data.endswith(b"0\r\n\r\n")

    def _finish(self, *, whole: bool) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is None or waiting.done():
            return
        head, body = bytes(self._data[: self._head_size]), bytes(self._data[self._head_size :])
        status = int(head[9:12]) if head else 0
        ended = time.monotonic()
        body = body if self._size >= 0 else _joined(body)
        waiting.set_result(Answer(status, body, head, whole, self._made, self._sent, self._first, ended))


@dataclass
class Client:
    """Asks one server. A connection that the server closed is not used again."""

    url: str
    patience_seconds: float = 90.0

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        self._place = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._idle: list[Connection] = []

    async def ask(self, request: bytes, *, fresh: bool = False) -> Answer:
        """Send a request and wait for its end, or until patience is over: then it is not whole.

        `fresh`: on a new connection. A refused connection is status 0.
        """
        try:
            connection = await self.connect() if fresh else await self._connection()
        except OSError:
            return _unanswered(time.monotonic())
        answered = connection.ask(request)
        await asyncio.wait([answered], timeout=self.patience_seconds)
        if not answered.done():
            connection.leave()
        answer = await answered
        if connection.open and b"connection: close" not in answer.head.lower():
            self._idle.append(connection)
        return answer

    async def connect(self) -> Connection:
        _, connection = await asyncio.get_running_loop().create_connection(Connection, *self._place)
        return connection

    def close(self) -> None:
        while self._idle:
            self._idle.pop().leave()

    async def _connection(self) -> Connection:
        while self._idle:
            found = self._idle.pop()
            if found.open:
                return found
        return await self.connect()


def _unanswered(since: float) -> Answer:
    """What one has who is refused a connection."""
    return Answer(0, b"", b"", whole=False, made=since, sent=since, first=None, ended=time.monotonic())


def _joined(chunked: bytes) -> bytes:
    """The content of a chunked body, as far as it came."""
    parts, place = [], 0
    while (end := chunked.find(b"\r\n", place)) >= 0:
        try:
            size = int(chunked[place:end], 16)
        except ValueError:
            break
        parts.append(chunked[end + 2 : end + 2 + size])
        place = end + 4 + size
    return b"".join(parts)
