"""The projects of the workspace, found by their pyproject.toml, as uv and Nx find them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class UnknownProject(Exception):
    """The message names the known ones."""


@dataclass(frozen=True)
class Project:
    """A member of the workspace, or the tools themselves; `path` is relative to the root."""

    name: str
    path: Path
    is_member: bool = True

    @property
    def has_tests(self) -> bool:
        return any((ROOT / self.path / "tests").rglob("test_*.py"))


def every(root: Path = ROOT) -> list[Project]:
    """All projects, those that others need last."""
    files = [*root.glob("apps/*/pyproject.toml"), *root.glob("libs/shared/*/pyproject.toml")]
    members = [Project(file.parent.name, file.parent.relative_to(root)) for file in sorted(files)]
    return [*members, Project("tools", Path("tools"), is_member=False)]


def named(names: Sequence[str], known: Iterable[Project]) -> list[Project]:
    """The projects of these names. Raises UnknownProject."""
    by_name = {project.name: project for project in known}
    for name in names:
        if name not in by_name:
            raise UnknownProject(f"There is no project {name}; there are {', '.join(sorted(by_name))}.")
    return [by_name[name] for name in names]
