"""The projects of the workspace, found by their pyproject.toml, as uv and Nx find them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class UnknownProject(Exception):
    """The message names the known ones."""


@dataclass(frozen=True)
class Project:
    """A member of the workspace, or a folder beside them that is checked as they are; `path` is relative to the root.

    `bases` are the folders that its modules are named from.
    """

    name: str
    path: Path
    bases: tuple[Path, ...]
    is_member: bool = True

    @property
    def sources(self) -> list[Path]:
        """What its modules are in: the packages of a member, the folder itself of any other."""
        packages = [file.parent.relative_to(ROOT) for file in sorted((ROOT / self.path).glob("*/__init__.py"))]
        return packages if self.is_member else [self.path]

    @property
    def has_tests(self) -> bool:
        return any((ROOT / self.path / "tests").rglob("test_*.py"))


def every(root: Path = ROOT) -> list[Project]:
    """All projects, those that others need last."""
    files = [*root.glob("apps/*/pyproject.toml"), *root.glob("libs/shared/*/pyproject.toml")]
    folders = [file.parent.relative_to(root) for file in sorted(files)]
    members = [Project(folder.name, folder, (folder,)) for folder in folders]
    beside = [name for name in ("tools", "bench") if (root / name).is_dir()]
    return [*members, *(Project(name, Path(name), (Path(),), is_member=False) for name in beside)]


def named(names: Sequence[str], known: Iterable[Project]) -> list[Project]:
    """The projects of these names. Raises UnknownProject."""
    by_name = {project.name: project for project in known}
    for name in names:
        if name not in by_name:
            raise UnknownProject(f"There is no project {name}; there are {', '.join(sorted(by_name))}.")
    return [by_name[name] for name in names]
