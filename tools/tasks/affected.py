"""What changed since the merge base with main, as Nx's graph tells it."""

import json
import subprocess

from tools.tasks.projects import ROOT, Project


class NotAnswered(Exception):
    """Git or Nx could not be asked; what they said went to stderr."""


def affected(known: list[Project]) -> list[Project]:
    """The projects that changed, or that need one that did. Takes some seconds, more where Nx is not installed yet."""
    base = _output("git", "merge-base", "main", "HEAD")
    names = json.loads(_output("tools/nx", "show", "projects", "--affected", f"--base={base}", "--json"))
    return [project for project in known if project.name in names]


def _output(*argv: str) -> str:
    done = subprocess.run(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise NotAnswered(f"`{' '.join(argv)}` ended with {done.returncode}: what is affected is not known.")
    return done.stdout.strip()
