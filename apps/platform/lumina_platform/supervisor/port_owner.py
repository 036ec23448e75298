"""Who listens on a port, as far as this system lets us see (Linux: our own processes, or all as root)."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

LISTENING = "0A"
PROC = Path("/proc")


def owner_of(port: int) -> str | None:
    """The listening process as `name (process 123: its command line)`, or None if it cannot be seen."""
    sockets = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    for process in PROC.glob("[0-9]*") if sockets else ():
        if sockets & set(_links(process / "fd")):
            return _described(process)
    return None


def _listening_inodes(port: int) -> Iterator[str]:
    for table in (PROC / "net" / "tcp", PROC / "net" / "tcp6"):
        with contextlib.suppress(OSError):
            for row in table.read_text().splitlines()[1:]:
                fields = row.split()
                if fields[3] == LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                    yield fields[9]


def _links(folder: Path) -> Iterator[str]:
    with contextlib.suppress(OSError):
        for entry in folder.iterdir():
            with contextlib.suppress(OSError):
                yield str(entry.readlink())


def _described(process: Path) -> str | None:
    with contextlib.suppress(OSError):
        name = (process / "comm").read_text().strip()
        command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        return f"{name} (process {process.name}: {command[:120]})"
    return None
