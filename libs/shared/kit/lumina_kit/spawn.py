"""The one place that starts a process. Standard library only.

Children stay in our session: under autogroup scheduling one of its own would give a nice-19 child half of our CPU.
They get a process group of their own, so that Ctrl-C in a terminal reaches the supervisor alone.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO

from lumina_kit import lifeline


@dataclass(frozen=True)
class Child:
    """A started process, our end of its lifeline, and its merged standard output and error."""

    process: subprocess.Popen[bytes]
    lifeline: socket.socket
    output: IO[bytes]

    @property
    def pid(self) -> int:
        return self.process.pid

    def wait(self) -> int:
        """Block until it exits; the exit status, negative for a signal."""
        return self.process.wait()

    def terminate(self) -> None:
        """Ask it to stop; nothing if it has."""
        self.process.terminate()

    def kill(self) -> None:
        """End it and its process group by force; nothing if it has ended."""
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)


def spawn(
    module: str,
    *,
    environment: Mapping[str, str],
    arguments: Sequence[str] = (),
    inherit: Sequence[int] = (),
) -> Child:
    """Start `python -m module` with a lifeline to us and to all who started us.

    `environment` is laid over ours; the child gets the descriptors of `inherit` under the same numbers.
    """
    ours, theirs = socket.socketpair()
    ancestors = lifeline.Lifeline.from_environment().descriptors
    descriptors = (theirs.fileno(), *ancestors)
    with theirs:
        process = _started(
            # -P: a file in the current folder must not stand in for a module of ours.
            [sys.executable, "-P", "-m", "lumina_kit.child", module, *arguments],
            {**os.environ, **environment, lifeline.VARIABLE: ",".join(map(str, descriptors))},
            (*descriptors, *inherit),
        )
    assert process.stdout is not None
    return Child(process, ours, process.stdout)


def _started(argv: list[str], environment: dict[str, str], descriptors: tuple[int, ...]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        argv,
        env=environment,
        pass_fds=descriptors,
        process_group=0,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        bufsize=0,
    )


@dataclass(frozen=True)
class ToolResult:
    """How a program that was waited for ended, and what it printed last."""

    status: int
    last_line: str


def run_tool(argv: Sequence[str], *, timeout_seconds: float) -> ToolResult:
    """Run a program to its end, silently; at the time limit it is killed and the status is 124."""
    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout_seconds
        )
    except subprocess.TimeoutExpired:
        return ToolResult(124, f"no end after {timeout_seconds:g} s")
    except OSError as error:
        return ToolResult(127, str(error))
    lines = done.stdout.decode(errors="replace").strip().splitlines()
    return ToolResult(done.returncode, lines[-1] if lines else f"exit status {done.returncode}")
