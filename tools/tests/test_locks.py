"""The locks hold what the projects ask for, by hash, and name no host."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools.tasks import projects

ROOT = projects.ROOT
PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", re.MULTILINE)
PYTHON_LOCKS = [
    "requirements.lock", "requirements-dev.lock", "tools/bootstrap/uv.lock.txt", "tools/bootstrap/node.lock.txt",
    "bench/peers/litellm/requirements.lock",
]  # fmt: skip


def pins(name: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for package, version in PIN.findall((ROOT / name).read_text()):
        found.setdefault(canonicalize_name(package), set()).add(version)
    return found


def asked(manifest: Path) -> Iterator[Requirement]:
    described = tomllib.loads(manifest.read_text())
    yield from map(Requirement, described["project"]["dependencies"])


def unmet(requirements: Iterator[Requirement], locked: dict[str, set[str]]) -> list[str]:
    outside = [one for one in requirements if not one.name.startswith("lumina-")]
    return [
        str(one)
        for one in outside
        if not any(version in one.specifier for version in locked.get(canonicalize_name(one.name), ()))
    ]


@pytest.mark.parametrize("project", [one for one in projects.every() if one.is_member], ids=lambda one: one.name)
def test_product_lock_holds_what_a_member_asks_for(project: projects.Project) -> None:
    assert unmet(asked(ROOT / project.path / "pyproject.toml"), pins("requirements.lock")) == []


def test_product_lock_holds_the_build_back_end() -> None:
    assert unmet(asked(ROOT / "pyproject.toml"), pins("requirements.lock")) == []


def test_dev_lock_holds_the_dev_group() -> None:
    group = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]["dev"]

    assert unmet(map(Requirement, group), pins("requirements-dev.lock")) == []


def test_both_locks_agree_on_every_version() -> None:
    product, dev = pins("requirements.lock"), pins("requirements-dev.lock")

    assert {name: dev[name] for name in product.keys() & dev.keys()} == {
        name: product[name] for name in product.keys() & dev.keys()
    }


@pytest.mark.parametrize("name", PYTHON_LOCKS)
def test_every_pin_of_a_lock_has_hashes_and_no_line_an_address(name: str) -> None:
    text = (ROOT / name).read_text()
    entries = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)[1:]

    assert entries
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []
    assert "://" not in text


@pytest.mark.parametrize("name", ["pnpm-lock.yaml", "tools/bootstrap/pnpm/package-lock.json"])
def test_node_locks_hold_integrity_and_no_address_to_fetch_from(name: str) -> None:
    text = (ROOT / name).read_text()

    assert "integrity" in text
    assert '"resolved"' not in text
    assert "tarball:" not in text
