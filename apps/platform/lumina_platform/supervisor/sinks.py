"""Where the merged log goes: a file of bounded size, and the terminal. Nobody waits for either."""

import contextlib
import os
import queue
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO


@dataclass
class LogFile:
    """A file that is put aside at `size_bytes`; `kept` old ones stay. A full disk loses lines, never a process."""

    path: Path
    size_bytes: int = 10 * 1024 * 1024
    kept: int = 4
    _file: IO[bytes] | None = field(default=None, init=False)

    def write(self, lines: bytes) -> None:
        """Add whole lines."""
        with contextlib.suppress(OSError):
            file = self._file or self._open()
            if file.tell() + len(lines) > self.size_bytes:
                file = self._rotate()
            file.write(lines)

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
    """A stream that may stall (Ctrl-S, a full pipe): a thread writes to it, and lines that do not fit are counted.

    `waiting` is how many times something may be written before it is read: a line, or lines that came together.
    """

    def __init__(self, descriptor: int, waiting: int = 1000) -> None:
        self._descriptor = descriptor
        self._lines: queue.Queue[bytes | None] = queue.Queue(waiting)
        self._lost = 0
        self._writer = threading.Thread(target=self._write_all, name="terminal", daemon=True)
        self._writer.start()

    def write(self, lines: bytes) -> None:
        """Add whole lines."""
        try:
            if self._lost:
                self._lines.put_nowait(self._loss())
                self._lost = 0
            self._lines.put_nowait(lines)
        except queue.Full:
            self._lost += lines.count(b"\n")

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
        while (lines := self._lines.get()) is not None:
            with contextlib.suppress(OSError):  # a terminal that is gone must not end what we supervise
                self._write(lines)

    def _write(self, lines: bytes) -> None:
        rest = memoryview(lines)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
