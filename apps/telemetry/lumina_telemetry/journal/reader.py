"""A log file that is renamed when it is full (`lumina.log.1`, `.2` ...), read from where we were."""

import contextlib
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import msgspec
from msgspec import Struct

READ_BYTES = 256 * 1024
HEAD_BYTES = 256


class Position(Struct, frozen=True, kw_only=True):
    """How far a file was read. Its number may go to another file later, so its first bytes are known by a hash."""

    inode: int
    offset: int
    head: str


@dataclass
class Reader:
    """Gives the lines after `position`; without one, or when that file is gone, from the beginning of the newest."""

    log: Path
    position: Position | None = None
    _file: IO[bytes] | None = None
    _offset: int = 0

    def read(self) -> list[bytes]:
        """The next whole lines: some 256 KiB of them at most, none when all is read."""
        file = self._file or self._first()
        if file is None:
            return []
        renamed = self._renamed(file)
        if os.fstat(file.fileno()).st_size < self._offset:
            self._offset = 0  # someone has emptied it
        data = os.pread(file.fileno(), READ_BYTES, self._offset)
        end = data.rfind(b"\n") + 1 or (len(data) if len(data) == READ_BYTES else 0)
        if end:
            return self._taken(file, data[:end])
        if renamed:
            self._turn(file)
            return self.read()
        return []

    def close(self) -> None:
        if self._file:
            self._file.close()
            self._file = None

    def _taken(self, file: IO[bytes], data: bytes) -> list[bytes]:
        self._offset += len(data)
        self.position = Position(
            inode=os.fstat(file.fileno()).st_ino, offset=self._offset, head=_head(file, self._offset)
        )
        return data.rstrip(b"\n").split(b"\n")

    def _first(self) -> IO[bytes] | None:
        for path in self._generations():
            if self.position and (file := _opened(path)):
                if _is_at(file, self.position):
                    self._file, self._offset = file, self.position.offset
                    return file
                file.close()
        self._file, self._offset = _opened(self.log), 0
        return self._file

    def _renamed(self, file: IO[bytes]) -> bool:
        """Asked before reading: what is written to a file is written before it is renamed."""
        try:
            return self.log.stat().st_ino != os.fstat(file.fileno()).st_ino
        except OSError:
            return False  # between two renames; the next time it is there

    def _turn(self, file: IO[bytes]) -> None:
        """To the file that was begun after this one; the oldest that there is, if this one is gone."""
        ours, newer = os.fstat(file.fileno()).st_ino, self._generations()
        for number, path in enumerate(newer):
            with contextlib.suppress(OSError):
                if path.stat().st_ino == ours:
                    newer = newer[number + 1 :]
                    break
        self.close()
        self._file, self._offset = next(filter(None, map(_opened, newer)), None), 0

    def _generations(self) -> list[Path]:
        """Oldest first."""
        old = [path for path in self.log.parent.glob(f"{self.log.name}.*") if path.suffix[1:].isdecimal()]
        return [*sorted(old, key=lambda path: -int(path.suffix[1:])), self.log]


def _opened(path: Path) -> IO[bytes] | None:
    with contextlib.suppress(OSError):
        return path.open("rb")
    return None


def _is_at(file: IO[bytes], position: Position) -> bool:
    found = os.fstat(file.fileno())
    same = found.st_ino == position.inode and found.st_size >= position.offset
    return same and _head(file, position.offset) == position.head


def _head(file: IO[bytes], offset: int) -> str:
    return hashlib.sha256(os.pread(file.fileno(), min(offset, HEAD_BYTES), 0)).hexdigest()[:16]


def load(file: Path) -> Position | None:
    """The position that was kept, if one was and can be read."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=Position)
    except (OSError, msgspec.DecodeError):
        return None


def keep(file: Path, position: Position) -> None:
    """Keep a position, whole or not at all. A full disk keeps the old one."""
    draft = file.with_suffix(".new")
    with contextlib.suppress(OSError):
        draft.write_bytes(msgspec.json.encode(position))
        draft.replace(file)
