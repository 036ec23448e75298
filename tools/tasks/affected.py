"""What changed since the merge base with main, as Nx's graph tells it."""

import json
import os
import subprocess
from collections.abc import Mapping

from tools.tasks.projects import ROOT, Project


class NotAnswered(Exception):
    """Git or Nx could not be asked; the message is theirs."""


def affected(known: list[Project]) -> list[Project]:
    """The projects that changed, or that need one that did. Takes about ten seconds with a cold Nx."""
    base = _output(["git", "merge-base", "main", "HEAD"])
    names = json.loads(_output(["nx", "show", "projects", "--affected", f"--base={base}", "--json"], workspace()))
    return [project for project in known if project.name in names]


def workspace() -> Mapping[str, str]:
    """An environment with Node, pnpm and Nx on PATH, installed if they are missing; Nx stays inside the tree."""
    path = _output([str(ROOT / "tools/bootstrap/workspace")])
    return {
        **os.environ,
        "PATH": f"{path}:{os.environ['PATH']}",
        "NX_CACHE_DIRECTORY": str(ROOT / ".nx/cache"),
        "NX_WORKSPACE_DATA_DIRECTORY": str(ROOT / ".nx/workspace-data"),
        "NX_DAEMON": "false",
    }


def _output(argv: list[str], env: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(argv, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise NotAnswered(f"`{' '.join(argv)}` ended with {done.returncode}.")
    return done.stdout.strip()
