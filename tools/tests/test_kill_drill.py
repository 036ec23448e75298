"""Kills each part of a running Lumina again and again while clients call it. Minutes long: `make drill` runs it."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tools.running import Running, lumina

ROUNDS = 5
BACK_SECONDS = 40
pytestmark = [pytest.mark.drill, pytest.mark.timeout(600)]


@pytest.fixture
def running() -> Iterator[Running]:
    with lumina() as started:
        yield started


def call(running: Running, model: str = "lumina/minilm") -> httpx.Response:
    return httpx.post(
        f"{running.gateway}/v1/embeddings",
        headers={"Authorization": f"Bearer {running.admin_key}"},
        json={"model": model, "input": "hello"},
        timeout=60,
    )


def pids(running: Running) -> dict[str, int]:
    answer = httpx.get(
        f"{running.control}/api/platform/status", headers={"Authorization": f"Bearer {running.admin_key}"}, timeout=60
    )
    return {part["name"]: part["pid"] for part in answer.json()["parts"] if part["pid"]}


def wait_until_replaced(running: Running, part: str, old: int) -> None:
    deadline = time.monotonic() + BACK_SECONDS
    while pids(running).get(part) in (None, old):
        assert time.monotonic() < deadline, f"{part} did not come back in {BACK_SECONDS} s"
        time.sleep(0.1)


@pytest.mark.parametrize("part", ["gateway", "control"])
def test_new_calls_are_answered_through_every_kill(running: Running, part: str) -> None:
    assert call(running).status_code == 200

    with ThreadPoolExecutor(4) as clients:
        for _ in range(ROUNDS):
            old = pids(running)[part]
            os.kill(old, signal.SIGKILL)
            answers = [clients.submit(call, running) for _ in range(20)]  # connections made after the kill

            assert [answer.result().status_code for answer in answers] == [200] * 20
            wait_until_replaced(running, part, old)


def test_killed_embedded_models_start_again_for_the_next_call(running: Running) -> None:
    assert call(running).status_code == 200

    for _ in range(ROUNDS):
        os.kill(pids(running)["embedded"], signal.SIGKILL)
        time.sleep(0.5)

        assert call(running).status_code == 200


def test_killed_supervisor_leaves_no_process_within_two_seconds(running: Running) -> None:
    assert call(running).status_code == 200
    children = list(pids(running).values())

    os.kill(running.pid, signal.SIGKILL)
    time.sleep(2)

    assert [pid for pid in children if is_alive(pid)] == []


def is_alive(pid: int) -> bool:
    """Whether it still runs: a zombie only waits for its parent to look."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(state.strip()) and not state.startswith("Z")
