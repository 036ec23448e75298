"""`lumina traces show` of one trace: how long it takes, how much memory, and how many lines it tells."""

import os
import subprocess
import time
from dataclasses import dataclass

from tools.running import Running
from tools.tasks.steps import tool


@dataclass(frozen=True)
class Shown:
    """What the command took and gave."""

    seconds: float
    mib: int
    lines: int


def shown(running: Running, trace_id: str, limit: int) -> Shown:
    """Run it to its end."""
    began = time.monotonic()
    argv = [tool("lumina"), "traces", "show", trace_id, "--limit", str(limit), "--home", str(running.home)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None  # it was asked for
        lines = sum(1 for _ in process.stdout)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return Shown(time.monotonic() - began, used.ru_maxrss >> 10, lines)
