"""A process under measurement: started, waited for, measured with its children, and ended."""

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.request import Request, urlopen

_TICKS = os.sysconf("SC_CLK_TCK")
_ANSWER_SECONDS = 20
_IDLE_SHARE, _IDLE_STEP_SECONDS, _IDLE_LIMIT_SECONDS = 0.1, 0.1, 5.0


@dataclass(frozen=True)
class Subject:
    """A server under measurement: where it answers each kind of request, and the process whose work is counted."""

    name: str
    urls: Mapping[str, str]
    pid: int

    def cpu_seconds(self) -> float:
        """User and system time so far, of the process and all below it."""
        return sum(_cpu_seconds(pid) for pid in _tree(self.pid))

    def pss_mib(self) -> float:
        """Their proportional share of memory."""
        return sum(_pss_mib(pid) for pid in _tree(self.pid))

    def settle(self) -> None:
        """Wait until what the last load left behind is done, so that the next subject has the machine for itself."""
        deadline = time.monotonic() + _IDLE_LIMIT_SECONDS
        before = self.cpu_seconds()
        while time.monotonic() < deadline:
            time.sleep(_IDLE_STEP_SECONDS)
            now = self.cpu_seconds()
            if now - before < _IDLE_SHARE * _IDLE_STEP_SECONDS:
                return
            before = now


@contextlib.contextmanager
def running(
    argv: Sequence[str],
    environment: Mapping[str, str] | None = None,
    *,
    listening: socket.socket | None = None,
    log: Path | None = None,
) -> Iterator[int]:
    """Run a program until the context ends; gives its process id. Without `log`, what it says is written to nowhere."""
    inherited = () if listening is None else (listening.fileno(),)
    with contextlib.ExitStack() as stack:
        output = stack.enter_context(log.open("wb")) if log else subprocess.DEVNULL
        process = subprocess.Popen(argv, env=environment, pass_fds=inherited, stdout=output, stderr=output)
        stack.callback(_end, process)
        yield process.pid


def worker(master: int) -> int:
    """nginx answers from a child of the process that was started."""
    while not (pids := _children(master)):
        time.sleep(0.01)
    return pids[0]


def await_answers(subject: Subject, bodies: Mapping[str, bytes], key: str, seconds: float = _ANSWER_SECONDS) -> None:
    """Return when it answers every kind. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    for kind, body in bodies.items():
        while (said := _said(subject.urls[kind], body, key)) is not None:
            if time.monotonic() > deadline or not _tree(subject.pid):
                raise TimeoutError(f"{subject.name} does not answer {kind} within {seconds:.0f} s: {said}")
            time.sleep(0.05)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def _said(url: str, body: bytes, key: str) -> str | None:
    """Nothing if it answers as it should, else what it said instead."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    try:
        with urlopen(Request(url, data=body, headers=headers), timeout=5) as answer:
            text = answer.read()
    except OSError as error:
        return repr(error)
    return None if b"gateway" in text else f"an answer of other content: {text[:200]!r}"


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _tree(pid: int) -> list[int]:
    if not Path(f"/proc/{pid}").exists():
        return []
    return [pid, *(below for child in _children(pid) for below in _tree(child))]


def _children(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def _cpu_seconds(pid: int) -> float:
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS
    return 0.0


def _pss_mib(pid: int) -> float:
    with contextlib.suppress(OSError):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
    return 0.0
