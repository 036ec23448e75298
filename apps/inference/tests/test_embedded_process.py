"""The process of the embedded models, started as the supervisor starts it."""

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from apps.inference.tests.embedded_world import chat, model_folder
from lumina_kit.spawn import Child, spawn

MODULE = "lumina_inference.embedded"


@pytest.fixture
def run_dir() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="lumina-") as folder:
        yield Path(folder)


def start(run_dir: Path, **settings: str) -> Child:
    environment = {
        "LUMINA_HOME": str(run_dir / "home"),
        "LUMINA_RUN_DIR": str(run_dir),
        "LUMINA_INFERENCE_MODELS_DIR": str(model_folder().path.parent),
        **{f"LUMINA_INFERENCE_{name.upper()}": value for name, value in settings.items()},
    }
    return spawn(MODULE, environment=environment)


def told(child: Child, word: bytes) -> bool:
    """Whether the child tells us this next; False if it ends without."""
    child.lifeline.settimeout(60)
    return child.lifeline.recv(len(word)) == word


def test_process_answers_on_its_socket_and_leaves_when_idle(run_dir: Path) -> None:
    child = start(run_dir, embedded_idle_seconds="1")
    assert told(child, b"ready\n")

    with httpx.Client(transport=httpx.HTTPTransport(uds=str(run_dir / "embedded.sock"))) as client:
        answer = client.post("http://embedded/v1/chat/completions", json=chat("Where?", context="It is here."))
        health = client.get("http://embedded/healthz")

    assert (answer.status_code, health.json()) == (200, {"status": "ready"})
    assert told(child, b"leaving\n")
    assert child.wait() == 0


@pytest.mark.parametrize("end", ["sigterm", "cut"])
def test_process_leaves_when_told_or_when_its_starter_is_gone(run_dir: Path, end: str) -> None:
    child = start(run_dir)
    assert told(child, b"ready\n")

    if end == "sigterm":
        os.kill(child.pid, signal.SIGTERM)
    else:
        child.lifeline.close()

    assert child.wait() == 0


def test_process_without_the_model_says_how_to_get_it(run_dir: Path) -> None:
    child = start(run_dir, models_dir=str(run_dir / "none"))

    assert child.wait() == 1
    assert b"make setup" in child.output.read()


def test_bad_setting_is_named(run_dir: Path) -> None:
    child = start(run_dir, embedded_threads="0")

    assert child.wait() == 1
    assert b"embedded_threads" in child.output.read()
