"""The checkers that others wrote fail, with our configuration, on a planted violation each."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from tools.tasks import projects, verbs
from tools.tasks.steps import tool

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = "apps/governance/lumina_governance/planted.py"


def run(*argv: str, given: str = "", cwd: Path = ROOT, **environ: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": str(Path(sys.executable).parent) + ":/usr/bin:/bin", **environ}
    return subprocess.run(argv, cwd=cwd, input=given, env=env, capture_output=True, text=True, check=False)


def ruff(text: str, path: str = PRODUCT) -> str:
    return run(
        tool("ruff"), "check", "--no-cache", "--output-format=concise", "--stdin-filename", path, "-", given=text
    ).stdout


@pytest.mark.parametrize(
    "text",
    [
        "import subprocess\n",
        "import multiprocessing\n",
        "import requests\n",
        "import pickle\n",
        "import os\n\nos.system('ls')\n",
        "import os\n\nos.fork()\n",
        "import time\n\ntime.sleep(1)\n",
        "import asyncio\n\nasyncio.create_subprocess_exec('ls')\n",
    ],
)
def test_banned_call_is_found_with_what_to_do_instead(text: str) -> None:
    said = ruff(text)

    assert "TID251" in said
    assert ": " in said.split("is banned: ")[1]


def test_only_the_spawn_function_may_start_processes() -> None:
    assert "TID251" not in ruff("import subprocess\n", "libs/shared/kit/lumina_kit/spawn.py")


def test_branchy_function_is_found() -> None:
    branches = "".join(f"    if n == {n}:\n        return {n * 7}\n" for n in range(11))

    assert "C901" in ruff(f"def pick(n: int) -> int:\n{branches}    return 0\n")


def test_untyped_function_is_found() -> None:
    done = run(tool("mypy"), "--config-file", "pyproject.toml", "-c", "def f(x):\n    return x\n")

    assert "[no-untyped-def]" in done.stdout
    assert done.returncode == 1


def test_dangerous_call_is_found(tmp_path: Path) -> None:
    (tmp_path / "planted.py").write_text("import hashlib\n\nhashlib.md5(b'').hexdigest()\neval('1')\n")

    done = run(tool("bandit"), "--quiet", "--recursive", "--configfile", "pyproject.toml", str(tmp_path))

    assert done.returncode == 1
    assert "B324" in done.stdout


def test_untested_code_fails_the_coverage_gate(tmp_path: Path) -> None:
    (tmp_path / "apps").mkdir()
    (tmp_path / "apps" / "planted.py").write_text(
        "def one():\n    return 1\n\n\n" + "def no():\n    x = 1\n    return x\n" * 9
    )
    (tmp_path / "test_planted.py").write_text("from apps.planted import one\n\n\ndef test_it():\n    assert one()\n")
    (tmp_path / "pytest.ini").write_text("[pytest]\npythonpath = .\n")
    gate = [flag for flag in verbs.test(projects.every(), whole=True)[0].argv if flag.startswith("--cov-fail-under")]

    done = run(tool("pytest"), "-q", "-p", "no:xdist", "--cov=apps", *gate, cwd=tmp_path)

    assert "1 passed" in done.stdout
    assert "Coverage failure" in done.stdout + done.stderr
    assert done.returncode == 1


def contracts_on(tmp_path: Path, files: dict[str, str]) -> str:
    """What import-linter says, with our contracts, on packages of our names that hold only these files."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    for package in config["root_packages"]:
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
    inside = [layer for contract in config["contracts"] if "containers" in contract for layer in contract["layers"]]
    telemetry = [f"lumina_telemetry/{name}" for layer in inside for name in layer.split(" | ")]
    for path in ("lumina_inference/gateway", "lumina_platform/supervisor", *telemetry):
        (tmp_path / path).mkdir()
        (tmp_path / path / "__init__.py").touch()
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    paths = f"{tmp_path}"
    return run(tool("lint-imports"), "--no-cache", cwd=ROOT, PYTHONPATH=paths).stdout


@pytest.mark.parametrize(
    ("files", "broken"),
    [
        ({"lumina_kit/x.py": "import lumina_governance\n"}, "platform > apps"),
        ({"lumina_governance/x.py": "import lumina_inference\n"}, "platform > apps"),
        (
            {"lumina_inference/gateway/x.py": "import lumina_kit.web\n", "lumina_kit/web.py": "import fastapi\n"},
            "the gateway's process",
        ),
        ({"lumina_telemetry/process/x.py": "import pydantic\n"}, "the telemetry process"),
        ({"lumina_telemetry/store/x.py": "import lumina_telemetry.traces\n"}, "within telemetry"),
        ({"lumina_platform/supervisor/x.py": "import rich\n"}, "the supervisor"),
    ],
)
def test_import_across_a_wall_is_found(tmp_path: Path, files: dict[str, str], broken: str) -> None:
    said = contracts_on(tmp_path, files)

    assert [line for line in said.splitlines() if line.startswith(broken) and line.endswith("BROKEN")]


def test_packages_that_keep_to_the_walls_pass(tmp_path: Path) -> None:
    assert "BROKEN" not in contracts_on(tmp_path, {"lumina_governance/x.py": "import lumina_kit\n"})


def test_key_in_a_file_is_found_before_it_is_committed(tmp_path: Path) -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    entry = next(hook["entry"] for hook in hooks if hook["id"] == "secrets").split()
    planted = tmp_path / "settings.py"
    planted.write_text('key = "AKIA' + 'IOSFODNN7EXAMPLF"\n')

    done = run(tool("detect-secrets-hook"), *entry[1:], str(planted))

    assert done.returncode == 1
    assert "AWS" in done.stdout
