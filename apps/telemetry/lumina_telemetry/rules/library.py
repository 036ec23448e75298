"""Files of one kind: those that Lumina brings, and an operator's own, which replace one of the same name."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from lumina_kit import logs
from lumina_telemetry.rules.yamlfile import BadFile

MOST_FILES = 200
_MOST_READ = (1 << 20) + 1
_log = logs.get(__name__)
T = TypeVar("T")


@dataclass(frozen=True)
class Problem:
    """A file that cannot be used. `instead` tells what serves in its place."""

    file: str
    line: int
    message: str
    instead: str


@dataclass(frozen=True)
class Entry(Generic[T]):
    """What a file holds, and where it lies. `shipped`: Lumina brought it."""

    file: Path
    shipped: bool
    content: T


@dataclass(frozen=True)
class _Seen:
    stamp: tuple[int, int, int]
    shipped: bool


class Library(Generic[T]):
    """Reads files again when they change. A broken one leaves in service what was good last, and is told of."""

    def __init__(self, shipped: Path, own: Path, parse: Callable[[str, bytes], T]) -> None:
        self._shipped, self._own, self._parse = shipped, own, parse
        self._seen: dict[Path, _Seen] = {}
        self._good: dict[str, Entry[T]] = {}
        self._bad: dict[str, Problem] = {}

    @property
    def entries(self) -> Mapping[str, Entry[T]]:
        """What serves, by the files' names."""
        return dict(sorted(self._good.items()))

    @property
    def problems(self) -> list[Problem]:
        return [self._bad[name] for name in sorted(self._bad)]

    def refresh(self) -> bool:
        """Read what has changed; whether something has."""
        seen = dict(self._stamps())
        if seen == self._seen:
            return False
        before, self._seen = self._seen, seen
        files = {path.name: path for path in seen}  # own ones come later, and win
        for name in (self._good.keys() | self._bad.keys()) - files.keys():
            self._good.pop(name, None)
            self._bad.pop(name, None)
        for name, path in files.items():
            known = self._good.get(name)
            moved = known is not None and known.file != path
            if before.get(path) != seen[path] or moved:
                self._take(path, seen[path].shipped)
        return True

    def _take(self, path: Path, shipped: bool) -> None:
        try:
            content = self._parse(path.name, _bytes(path))
        except BadFile as error:
            self._refuse(path, error)
        else:
            self._good[path.name] = Entry(path, shipped, content)
            self._bad.pop(path.name, None)

    def _refuse(self, path: Path, error: BadFile) -> None:
        brought = self._shipped / path.name
        if path.name not in self._good and path != brought and brought.is_file():
            self._take(brought, True)
        kept = self._good.get(path.name)
        instead = "nothing"
        if kept is not None:
            instead = "the file that Lumina brings" if kept.shipped else "the file as it was before"
        problem = Problem(str(path), error.line, error.message, instead)
        self._bad[path.name] = problem
        _log.error("a file is broken", file=problem.file, line=error.line, why=error.message, serving=instead)

    def _stamps(self) -> Iterator[tuple[Path, _Seen]]:
        for folder, shipped in ((self._shipped, True), (self._own, False)):
            found = sorted((*folder.glob("*.yml"), *folder.glob("*.yaml")))
            for path in found[:MOST_FILES]:
                try:
                    status = path.stat()
                except OSError:
                    continue
                yield path, _Seen((status.st_mtime_ns, status.st_size, status.st_ino), shipped)


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_READ)
    except OSError as error:
        raise BadFile(f"the file cannot be read: {error.strerror}", 1) from None
