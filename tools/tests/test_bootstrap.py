"""What set-up does on machines that lack this or that."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHELL = ("sh", "dirname", "mkdir", "tail", "cat")


class Machine:
    """A PATH with only the basic commands and the programs that a test puts there, and a tree to set up."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        self.tree = folder / "tree"
        self.bin.mkdir()
        shutil.copytree(ROOT / "tools/bootstrap", self.tree / "tools/bootstrap")
        for name in SHELL:
            (self.bin / name).symlink_to(str(shutil.which(name)))

    def program(self, name: str, script: str) -> Path:
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    def run(self, tool: str) -> subprocess.CompletedProcess[str]:
        env = {"PATH": str(self.bin)}
        return subprocess.run([self.tree / tool], env=env, capture_output=True, text=True, check=False)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def python(version: str) -> str:
    """A python3 that fits or not, by version, and can print its own path; without venv and pip."""
    fits = "true" if version >= "3.11" else "exit 1"
    return (
        f'case "$*" in *executable*) echo "/somewhere/python{version}" ;; *version_info*) {fits} ;; *) exit 1 ;; esac'
    )


def test_uv_of_the_path_is_taken(machine: Machine) -> None:
    uv = machine.program("uv", "exit 0")

    assert machine.run("tools/bootstrap/uv").stdout.strip() == str(uv)


def test_without_venv_and_pip_one_line_names_the_package(machine: Machine) -> None:
    machine.program("python3", python("3.11"))

    done = machine.run("tools/bootstrap/uv")

    assert done.returncode == 1
    assert "install the package python3-venv" in done.stderr.splitlines()[-1]


def test_without_venv_pip_installs_into_the_tree_and_nowhere_else(machine: Machine) -> None:
    target = machine.tree / ".tools/uv-target/bin"
    pip = f"mkdir -p {target}; printf '#!/bin/sh\\n' > {target}/uv; chmod +x {target}/uv"
    machine.bin.joinpath("chmod").symlink_to(str(shutil.which("chmod")))
    machine.program(
        "python3",
        f'case "$*" in *--require-hashes*--target*) {pip} ;; *pip*--version*) exit 0 ;; *) exit 1 ;; esac',
    )

    assert machine.run("tools/bootstrap/uv").stdout.strip() == f"{target}/uv"


def test_without_any_python_the_line_says_which_are_wanted(machine: Machine) -> None:
    assert "3.11 to 3.14" in machine.run("tools/bootstrap/uv").stderr


def test_machine_python_is_taken_if_it_fits(machine: Machine) -> None:
    machine.program("python3", python("3.12"))
    machine.program("python3.14", python("3.14"))

    assert machine.run("tools/bootstrap/python").stdout.strip() == "/somewhere/python3.12"


def test_another_python_is_found_if_the_first_is_too_old(machine: Machine) -> None:
    machine.program("python3", python("3.10"))
    machine.program("python3.13", python("3.13"))

    assert machine.run("tools/bootstrap/python").stdout.strip() == "/somewhere/python3.13"


def test_download_of_a_python_is_said(machine: Machine) -> None:
    machine.program("python3", python("3.10"))
    machine.program("uv", 'case "$*" in *find*) exit 1 ;; esac')

    done = machine.run("tools/bootstrap/python")

    assert done.stdout.strip() == "3.13"
    assert "downloads" in done.stderr
