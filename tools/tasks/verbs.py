"""What each verb runs on the chosen projects."""

import os
import sys
from collections.abc import Sequence

from tools.tasks.projects import ROOT, Project
from tools.tasks.steps import Step, tool

ROOT_FILES = ("conftest.py",)
PROGRAMS = ("audit", "openapi", "screenshots")  # verbs that are one program of tools/, about the whole tree


def lint(projects: Sequence[Project]) -> list[Step]:
    """Style and danger in the chosen projects; imports, sizes and names in the whole tree, since they span it."""
    paths = [*_paths(projects), *ROOT_FILES]
    return [
        Step("ruff check", [tool("ruff"), "check", *paths]),
        Step("ruff format", [tool("ruff"), "format", "--check", *paths]),
        Step("own lints", [sys.executable, "-m", "tools.lint"]),
        Step("import contracts", [tool("lint-imports")]),
        Step("bandit", [tool("bandit"), "--quiet", "--recursive", "--configfile", "pyproject.toml", *_paths(projects)]),
    ]


def typecheck(projects: Sequence[Project]) -> list[Step]:
    """mypy once a project: each has its own `tests`, which are one module name to mypy."""
    return [_mypy(project) for project in projects]


def test(projects: Sequence[Project], *, whole: bool) -> list[Step]:
    """pytest on the chosen projects; the coverage gate is a statement about the whole tree, so it is off for a part."""
    workers = str(min(os.cpu_count() or 1, 4))
    coverage = ["--cov", "--cov-report=term", "--cov-fail-under=80"] if whole else []
    paths = [] if whole else [str(project.path) for project in projects if project.has_tests]
    if not (whole or paths):
        return []
    return [Step("pytest", [tool("pytest"), "-q", "-n", workers, "--dist=loadgroup", *coverage, *paths])]


def build(projects: Sequence[Project]) -> list[Step]:
    """A wheel of every member, by the locked build backend: nothing is downloaded."""
    return [
        Step(
            f"build {project.name}",
            [tool("hatchling"), "build", "-t", "wheel", "-d", str(ROOT / "dist")],
            ROOT / project.path,
        )
        for project in projects
        if project.is_member
    ]


def fresh(_: Sequence[Project]) -> list[Step]:
    """Whether the files that a program writes are as it writes them now."""
    return [
        Step("generated tables", [sys.executable, "-m", "tools.reference", "--check"]),
        Step("OpenAPI documents", [sys.executable, "-m", "tools.openapi", "--check"]),
    ]


def program(name: str) -> Step:
    return Step(name, [sys.executable, "-m", f"tools.{name}"])


def _mypy(project: Project) -> Step:
    bases = os.pathsep.join(str(ROOT / base) for base in project.bases)
    extra = ROOT_FILES if project.name == "tools" else ()
    argv = [tool("mypy"), "--no-error-summary", str(project.path), *extra]
    return Step(f"mypy {project.name}", argv, env={"MYPYPATH": bases})


def _paths(projects: Sequence[Project]) -> list[str]:
    return [str(project.path) for project in projects]
