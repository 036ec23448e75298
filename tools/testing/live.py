"""One real Lumina for the tests that need all of it: started once per worker, on free ports and an empty home."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from lumina_kit.home import Home
from lumina_kit.spawn import Child, spawn
from lumina_platform.cli.target import Target, find_target

START_SECONDS = 90
STOP_SECONDS = 15


@dataclass(frozen=True)
class Started:
    """A Lumina that is ready, and what it has printed so far."""

    home: Home
    printed: list[str]


@contextmanager
def started(folder: Path, *arguments: str, **environment: str) -> Iterator[Started]:
    """A Lumina on free ports with its home in the folder; on leaving it is told to stop, and has."""
    home = Home(folder / "home")
    child = spawn(
        "lumina_platform.cli",
        arguments=["up", "--home", str(home.path), "--port", "0", "--gateway-port", "0", *arguments],
        environment={
            "LUMINA_KEY_FILE": str(folder / "master.key"), "LUMINA_PLATFORM_LOG_FORMAT": "console", **environment,
        },
    )  # fmt: skip
    lines: list[str] = []
    ready = threading.Event()
    reading = threading.Thread(target=_read, args=(child, lines, ready), daemon=True)
    reading.start()
    try:
        assert ready.wait(START_SECONDS), "".join(lines[-50:])
        assert child.process.poll() is None, "".join(lines[-50:])
        yield Started(home, lines)
    finally:
        child.terminate()
        child.process.wait(STOP_SECONDS)
        reading.join(STOP_SECONDS)


@pytest.fixture(scope="session")
def lumina_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """The home of a Lumina that is ready; it stops after the last test."""
    with started(tmp_path_factory.mktemp("lumina")) as lumina:
        yield lumina.home


@pytest.fixture(scope="session")
def running(lumina_home: Home) -> Target:
    """Addresses and admin key of that Lumina."""
    return find_target(lumina_home.path)


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return Path(__file__).resolve().parents[2]


def _read(child: Child, lines: list[str], ready: threading.Event) -> None:
    """Keep what it prints; set `ready` when it is, or when it has ended."""
    for line in child.output:
        lines.append(line.decode(errors="replace"))
        if "Lumina is ready" in lines[-1]:
            ready.set()
    ready.set()
