"""The merged log of all processes: JSON lines for the file, and for the terminal in the form that is wanted."""

import asyncio
from collections.abc import Callable, Sequence
from typing import IO

from lumina_platform.supervisor.rendering import Fields, Format, as_json, as_text, parsed, prefixed, said

Sink = Callable[[bytes], None]
LONGEST_LINE = 16 * 1024


class Journal:
    """Takes the output of every process and gives it to both sinks, the lines that came together as one piece.

    A gateway logs thousands of lines a second: a line that is JSON already is passed on as it is.
    """

    def __init__(self, file: Sink, terminal: Sink, form: Format = "console") -> None:
        self._file = file
        self._terminal = terminal
        self._form = form
        self._open: set[asyncio.Future[None]] = set()
        self._pipes: set[asyncio.ReadTransport] = set()

    def say(self, event: str, level: str = "info") -> None:
        """A line of the supervisor's own."""
        fields = said("supervisor", event, level)
        told = as_json(fields)
        self._file(told)
        self._terminal(told if self._form == "json" else as_text("supervisor", fields))

    def lines(self, part: str, lines: Sequence[bytes]) -> None:
        """Lines of a part."""
        records, shown = [], []
        for line in filter(None, lines):
            fields = parsed(line)
            records.append(_record(part, line, fields))
            if self._form == "console":
                shown.append(as_text(part, fields) if fields else prefixed(part, [line.decode(errors="replace")]))
        told = b"".join(records)
        self._file(told)
        self._terminal(told if self._form == "json" else b"".join(shown))

    async def follow(self, part: str, output: IO[bytes]) -> None:
        """Take everything from a pipe from now on; returns at once."""
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[None] = loop.create_future()
        pipe, _ = await loop.connect_read_pipe(lambda: _Lines(lambda lines: self.lines(part, lines), ended), output)
        self._open.add(ended)
        self._pipes.add(pipe)
        ended.add_done_callback(self._open.discard)
        ended.add_done_callback(lambda _: self._pipes.discard(pipe))

    async def finish(self, seconds: float = 0.5) -> None:
        """Take the last lines of processes that have exited, then close the pipes that someone still holds."""
        if self._open:
            await asyncio.wait(self._open, timeout=seconds)
        for pipe in tuple(self._pipes):
            pipe.close()


def _record(part: str, line: bytes, fields: Fields | None) -> bytes:
    if fields is None:
        return as_json(said(part, line.decode(errors="replace")))
    return line + b"\n" if "part" in fields else as_json({**fields, "part": part})


class _Lines(asyncio.Protocol):
    """Cuts a stream into lines; one that is too long is cut in pieces, so memory stays bounded."""

    def __init__(self, take: Callable[[Sequence[bytes]], None], ended: asyncio.Future[None]) -> None:
        self._take = take
        self._ended = ended
        self._rest = b""

    def data_received(self, data: bytes) -> None:
        *lines, rest = (self._rest + data).split(b"\n")
        whole = len(rest) - len(rest) % LONGEST_LINE
        lines.append(rest[:whole])
        self._take([piece for line in lines for piece in _pieces(line)])
        self._rest = rest[whole:]

    def connection_lost(self, exc: Exception | None) -> None:
        if self._rest:
            self._take(_pieces(self._rest))
        if not self._ended.done():
            self._ended.set_result(None)


def _pieces(line: bytes) -> list[bytes]:
    return [line[start : start + LONGEST_LINE] for start in range(0, len(line), LONGEST_LINE)]
