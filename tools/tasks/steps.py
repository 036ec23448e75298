"""A step is one command. All steps of a task run, so that one failure does not hide the next."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tools.tasks.projects import ROOT


@dataclass(frozen=True)
class Step:
    """`name` is what a reader of the output looks for; `env` is added to the environment."""

    name: str
    argv: Sequence[str]
    cwd: Path = ROOT
    env: Mapping[str, str] = field(default_factory=dict)


def run(steps: Sequence[Step]) -> list[str]:
    """Run each step, its output going to ours; the names of those that failed."""
    return [step.name for step in steps if not _passed(step)]


def tool(name: str) -> str:
    """The path of a command of the environment that runs us."""
    return str(Path(sys.executable).parent / name)


def _passed(step: Step) -> bool:
    print(f"--- {step.name}", flush=True)
    started = time.monotonic()
    done = subprocess.run(step.argv, cwd=step.cwd, env={**os.environ, **step.env}, check=False)
    verdict = "ok" if done.returncode == 0 else f"failed ({done.returncode})"
    print(f"--- {step.name}: {verdict}, {time.monotonic() - started:.1f} s", flush=True)
    return done.returncode == 0
