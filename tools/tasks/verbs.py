"""What each verb runs on the chosen projects."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from tools.tasks.projects import ROOT, Project
from tools.tasks.steps import Step, tool

ROOT_FILES = ("conftest.py",)
# of low severity are above all processes: our list of banned calls knows better where they may start
BANDIT = (
    "--quiet",
    "--recursive",
    "--configfile",
    "pyproject.toml",
    "--severity-level",
    "medium",
    "--confidence-level",
    "medium",
)
PROGRAMS = ("audit", "openapi", "screenshots")  # verbs that are one program of tools/, about the whole tree


def lint(projects: Sequence[Project]) -> list[Step]:
    """Style and danger in the chosen projects; imports, sizes and names in the whole tree, since they span it."""
    paths = [*_paths(projects), *ROOT_FILES]
    return [
        Step("ruff check", [tool("ruff"), "check", *paths]),
        Step("ruff format", [tool("ruff"), "format", "--check", *paths]),
        Step("own lints", [sys.executable, "-m", "tools.lint"]),
        Step("import contracts", [tool("lint-imports")]),
        Step("bandit", [tool("bandit"), *BANDIT, *_paths(projects)]),
    ]


def typecheck(projects: Sequence[Project]) -> list[Step]:
    """mypy on each project's sources, and on its tests."""
    tested = [project for project in projects if project.is_member and project.has_tests]
    return [*map(_mypy_sources, projects), *map(_mypy_tests, tested)]


def test(projects: Sequence[Project], *, whole: bool) -> list[Step]:
    """pytest on the chosen projects; the coverage gate is a statement about the whole tree, so it is off for a part."""
    workers = str(min(os.cpu_count() or 1, 4))
    coverage = ["--cov", "--cov-report=term", "--cov-fail-under=80"] if whole else []
    paths = [] if whole else [str(project.path) for project in projects if project.has_tests]
    if not (whole or paths):
        return []
    return [Step("pytest", [tool("pytest"), "-q", "-n", workers, "--dist=loadfile", *coverage, *paths])]


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
        Step("Grafana dashboards", [sys.executable, "-m", "tools.dashboards", "--check"]),
        Step("OpenAPI documents", [sys.executable, "-m", "tools.openapi", "--check"]),
    ]


def program(name: str) -> Step:
    return Step(name, [sys.executable, "-m", f"tools.{name}"])


def _mypy_sources(project: Project) -> Step:
    extra = ROOT_FILES if project.name == "tools" else ()
    return _mypy(project.name, [*map(str, project.sources), *extra], project.bases)


def _mypy_tests(project: Project) -> Step:
    """Tests are named from the root, as they import each other."""
    return _mypy(f"{project.name}'s tests", [str(project.path / "tests")], (Path(),))


def _mypy(name: str, paths: Sequence[str], bases: Sequence[Path]) -> Step:
    known = os.pathsep.join(str(ROOT / base) for base in bases)
    return Step(f"mypy {name}", [tool("mypy"), "--no-error-summary", *paths], env={"MYPYPATH": known})


def _paths(projects: Sequence[Project]) -> list[str]:
    return [str(project.path) for project in projects]
