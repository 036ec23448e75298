"""A Lumina of our own to try things on: started on free ports in an empty home, and stopped again."""

import json
import os
import signal
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tools.tasks.steps import tool

START_SECONDS = 90
STOP_SECONDS = 20


class DidNotStart(Exception):
    """The message holds the end of its log."""


@dataclass(frozen=True)
class Running:
    """Addresses without a slash at their end, and the key that may do everything."""

    control: str
    gateway: str
    admin_key: str
    pid: int
    home: Path


@contextmanager
def lumina(*flags: str, home: Path | None = None) -> Iterator[Running]:
    """A ready Lumina; `flags` go to `lumina up`. Its home is thrown away, if none is given."""
    with tempfile.TemporaryDirectory(prefix="lumina-", ignore_cleanup_errors=True) as folder:
        home, log = home or Path(folder) / "home", Path(folder) / "log"
        argv = [tool("lumina"), "up", "--home", str(home), "--port", "0", "--gateway-port", "0", *flags]
        env = {**os.environ, "LUMINA_KEY_FILE": f"{folder}/master.key"}
        with log.open("wb") as output, subprocess.Popen(argv, env=env, stdout=output, stderr=output) as process:
            try:
                yield _ready(process, home, log)
            finally:
                _stop(process)


def _ready(process: subprocess.Popen[bytes], home: Path, log: Path) -> Running:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if (home / "endpoints.json").is_file():
            endpoints = json.loads((home / "endpoints.json").read_text())
            if _answers(endpoints["control"]) and _answers(endpoints["gateway"]):
                key = (home / "admin.key").read_text().strip()
                return Running(endpoints["control"], endpoints["gateway"], key, process.pid, home)
        time.sleep(0.1)
    raise DidNotStart(f"Lumina was not ready after {START_SECONDS} s or ended:\n{log.read_text()[-3000:]}")


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/readyz", timeout=2) as answer:  # nosec B310
            return bool(answer.status == 200)
    except OSError:
        return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
