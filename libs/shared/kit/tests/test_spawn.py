"""Children tied to their starter's life: real processes, real signals."""

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lumina_kit.spawn import Child, spawn

CHILD = """
import os, sys, threading
from lumina_kit.lifeline import Lifeline

line = Lifeline.from_environment()
done = threading.Event()
line.watch(lambda: None if "stubborn" in sys.argv else done.set())
print("pid", os.getpid(), flush=True)
line.ready()
done.wait()
"""

PARENT = """
import os, sys
from lumina_kit.spawn import spawn

child = spawn("tied_child", environment={}, arguments=sys.argv[1:])
child.lifeline.recv(64)
sys.stdout.write(child.output.readline().decode())
sys.stdout.flush()
from lumina_kit.lifeline import Lifeline
import threading
# Holds out on purpose: its own child must not depend on how fast it goes.
Lifeline.from_environment().watch(threading.Event().wait)
threading.Event().wait()
"""


IMPORTING = """
import time

print("importing", flush=True)
time.sleep(60)
"""


@pytest.fixture
def modules(tmp_path: Path) -> dict[str, str]:
    """Two child programs on the module path, as the environment that finds them."""
    (tmp_path / "tied_child.py").write_text(CHILD)
    (tmp_path / "tied_parent.py").write_text(PARENT)
    (tmp_path / "slow_import.py").write_text(IMPORTING)
    return {"PYTHONPATH": str(tmp_path)}


def reported_pid(child: Child) -> int:
    return int(child.output.readline().split()[1])


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return sys.platform == "linux" and Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def holds_within(seconds: float, condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return condition()


def test_a_child_says_it_is_ready_over_its_lifeline(modules: dict[str, str]) -> None:
    child = spawn("tied_child", environment=modules)

    assert child.lifeline.recv(64) == b"ready\n"

    child.kill()
    child.wait()


def test_a_child_exits_when_its_starter_lets_go(modules: dict[str, str]) -> None:
    child = spawn("tied_child", environment=modules)
    child.lifeline.recv(64)

    child.lifeline.close()

    assert child.wait() == 0


def test_a_child_that_ignores_the_end_is_ended_by_force(modules: dict[str, str]) -> None:
    child = spawn("tied_child", environment=modules, arguments=["stubborn"])
    child.lifeline.recv(64)

    child.lifeline.close()

    assert holds_within(2, lambda: child.process.poll() is not None)
    assert child.wait() == 1


def test_a_child_that_is_still_importing_goes_too(modules: dict[str, str]) -> None:
    child = spawn("slow_import", environment=modules)
    child.output.readline()

    child.lifeline.close()

    assert holds_within(2, lambda: child.process.poll() is not None)


def test_a_grandchild_goes_with_the_first_starter_and_does_not_wait_for_its_own(modules: dict[str, str]) -> None:
    parent = spawn("tied_parent", environment=modules, arguments=["stubborn"])
    grandchild = reported_pid(parent)

    parent.lifeline.close()

    assert holds_within(2, lambda: gone(grandchild))
    parent.kill()
    parent.wait()


def test_a_grandchild_goes_when_its_own_starter_is_killed(modules: dict[str, str]) -> None:
    parent = spawn("tied_parent", environment=modules)
    grandchild = reported_pid(parent)

    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()

    assert holds_within(2, lambda: gone(grandchild))


def test_a_child_stays_in_our_session_but_leaves_our_process_group(modules: dict[str, str]) -> None:
    child = spawn("tied_child", environment=modules)

    assert os.getsid(child.pid) == os.getsid(0)
    assert os.getpgid(child.pid) == child.pid

    child.kill()
    child.wait()


def test_a_file_in_the_current_folder_does_not_stand_in_for_a_module(
    modules: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "threading.py").write_text("raise SystemExit(3)")
    monkeypatch.chdir(folder)

    child = spawn("tied_child", environment=modules)

    assert child.lifeline.recv(64) == b"ready\n"
    child.kill()
    child.wait()
