"""What a process and its descendants take of the machine's memory."""

import contextlib
from pathlib import Path


def pss_bytes(pid: int, proc: Path = Path("/proc"), *, below: bool = True) -> int | None:
    """Proportional set size of a process and, if `below`, of all that it started; None where it is not told (macOS)."""
    sizes = [_own(proc / str(each)) for each in (_tree(pid, proc) if below else [pid])]
    known = [size for size in sizes if size is not None]
    return sum(known) if known else None


def _tree(pid: int, proc: Path) -> list[int]:
    found = [pid]
    for each in found:
        for children in (proc / str(each) / "task").glob("*/children"):
            with contextlib.suppress(OSError):
                found.extend(int(child) for child in children.read_text().split())
    return found


def _own(process: Path) -> int | None:
    with contextlib.suppress(OSError):
        for line in (process / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return None
