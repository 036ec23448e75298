"""The files of the tree that a lint looks at: those in git, and those that would be."""

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Finding:
    """What is wrong, where; `line` is 0 for a whole file, and `path` "." for the whole tree."""

    path: str
    line: int
    message: str

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}" if self.line else self.path
        return f"{place}: {self.message}"


@dataclass(frozen=True)
class Source:
    """A text file; `path` is relative to the root."""

    path: Path
    text: str

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()


def sources(root: Path) -> list[Source]:
    """Every text file below `root` that git does not ignore."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    found = [_read(root, Path(name)) for name in listed.stdout.split("\0") if name]
    return [source for source in found if source]


def _read(root: Path, path: Path) -> Source | None:
    try:
        return Source(path, (root / path).read_text(encoding="utf-8"))
    except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
        return None  # a picture, or deleted but not yet committed
