"""What becomes of a test whose program is absent."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tools.tasks.steps import tool

ROOT = Path(__file__).resolve().parents[2]
TESTS = """
import pytest

@pytest.mark.system("no-such-program")
def test_a():
    raise AssertionError("was run")

@pytest.mark.system("sh")
def test_b(request):
    marker = request.node.session.__dict__.setdefault("seen", [])
    marker.append(1)
    assert len(marker) > 1
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "tools/testing/system.py", tmp_path / "conftest.py")
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = system(*programs): x\naddopts = --strict-markers\n")
    (tmp_path / "test_it.py").write_text(TESTS)
    return tmp_path


def outcome(folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": os.environ["PATH"], **environ}
    return subprocess.run([tool("pytest"), "-q"], cwd=folder, env=env, capture_output=True, text=True, check=False)


def test_absent_program_is_said_with_how_to_install_it(folder: Path) -> None:
    done = outcome(folder)

    assert done.returncode == 0
    said = "not run: 1 tests that need no-such-program (Debian: apt-get install no-such-program)"
    assert said in done.stdout


def test_absent_program_fails_under_ci(folder: Path) -> None:
    done = outcome(folder, CI="true")

    assert done.returncode == 1
    assert "no-such-program" in done.stdout


def test_present_program_may_be_tried_twice_and_that_is_printed(folder: Path) -> None:
    done = outcome(folder)

    assert "rerun: test_it.py::test_b failed once" in done.stdout
