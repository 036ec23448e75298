"""The merged log of all processes: to the terminal and to a file of bounded size. Nobody waits for either."""

import asyncio
import contextlib
import json
import os
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Literal

Format = Literal["console", "json"]
Sink = Callable[[bytes], None]
LONGEST_LINE = 16 * 1024


@dataclass
class LogFile:
    """A file that is put aside at `size_bytes`; `kept` old ones stay. A full disk loses lines, never a process."""

    path: Path
    size_bytes: int = 10 * 1024 * 1024
    kept: int = 4
    _file: IO[bytes] | None = field(default=None, init=False)

    def write(self, line: bytes) -> None:
        with contextlib.suppress(OSError):
            file = self._file or self._open()
            if file.tell() + len(line) > self.size_bytes:
                file = self._rotate()
            file.write(line)

    def close(self) -> None:
        if self._file:
            self._file.close()
            self._file = None

    def _open(self) -> IO[bytes]:
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._file = os.fdopen(descriptor, "ab", buffering=0)
        return self._file

    def _rotate(self) -> IO[bytes]:
        self.close()
        for number in range(self.kept, 0, -1):
            with contextlib.suppress(FileNotFoundError):
                self._numbered(number - 1).replace(self._numbered(number))
        return self._open()

    def _numbered(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}") if number else self.path


class Terminal:
    """A stream that may stall (Ctrl-S, a full pipe): a thread writes to it, and lines that do not fit are counted."""

    def __init__(self, descriptor: int, waiting_lines: int = 2000) -> None:
        self._descriptor = descriptor
        self._lines: queue.Queue[bytes | None] = queue.Queue(waiting_lines)
        self._lost = 0
        self._writer = threading.Thread(target=self._write_all, name="terminal", daemon=True)
        self._writer.start()

    def write(self, line: bytes) -> None:
        try:
            if self._lost:
                self._lines.put_nowait(self._loss())
                self._lost = 0
            self._lines.put_nowait(line)
        except queue.Full:
            self._lost += 1

    def close(self) -> None:
        """Write what waits, for about half a second at most."""
        with contextlib.suppress(queue.Full):
            if self._lost:
                self._lines.put(self._loss(), timeout=0.1)
            self._lines.put(None, timeout=0.1)
        self._writer.join(0.5)

    def _loss(self) -> bytes:
        return b"... %d lines not shown: this terminal was too slow\n" % self._lost

    def _write_all(self) -> None:
        while (line := self._lines.get()) is not None:
            with contextlib.suppress(OSError):  # a terminal that is gone must not end what we supervise
                os.write(self._descriptor, line)


class Journal:
    """Takes the output of every process, line by line, and gives it to the sinks with the name of its part."""

    def __init__(self, sinks: tuple[Sink, ...], form: Format = "console") -> None:
        self._sinks = sinks
        self._form = form
        self._open: set[asyncio.Future[None]] = set()
        self._pipes: set[asyncio.ReadTransport] = set()

    def say(self, event: str, level: str = "info") -> None:
        """A line of the supervisor's own."""
        if self._form == "json":
            now = datetime.now(UTC).isoformat()
            self._give(json.dumps({"timestamp": now, "level": level, "part": "supervisor", "event": event}).encode())
        else:
            self.line("supervisor", event.encode())

    def line(self, part: str, text: bytes) -> None:
        """One line of a part. JSON lines name their part themselves; a prefix would break them."""
        bare = self._form == "json" and text.startswith(b"{")
        self._give(text if bare else b"%-10s | %s" % (part.encode(), text))

    async def follow(self, part: str, output: IO[bytes]) -> None:
        """Take everything from a pipe from now on; returns at once."""
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[None] = loop.create_future()
        pipe, _ = await loop.connect_read_pipe(lambda: _Lines(lambda text: self.line(part, text), ended), output)
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

    def _give(self, text: bytes) -> None:
        for sink in self._sinks:
            sink(text + b"\n")


class _Lines(asyncio.Protocol):
    """Cuts a stream into lines; one that is too long is cut in pieces, so memory stays bounded."""

    def __init__(self, take: Sink, ended: asyncio.Future[None]) -> None:
        self._take = take
        self._ended = ended
        self._rest = b""

    def data_received(self, data: bytes) -> None:
        *lines, rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._take_in_pieces(line)
        while len(rest) > LONGEST_LINE:
            self._take(rest[:LONGEST_LINE])
            rest = rest[LONGEST_LINE:]
        self._rest = rest

    def connection_lost(self, exc: Exception | None) -> None:
        if self._rest:
            self._take_in_pieces(self._rest)
        if not self._ended.done():
            self._ended.set_result(None)

    def _take_in_pieces(self, line: bytes) -> None:
        for start in range(0, max(len(line), 1), LONGEST_LINE):
            self._take(line[start : start + LONGEST_LINE])
