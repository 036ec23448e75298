"""Every code block of the README and the guides, run in order against a real Lumina."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from lumina_kit.home import Home
from lumina_platform.cli.target import Target
from tools.testing.pages import Block, blocks

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs" / "guides").glob("*.md"))]


@pytest.fixture
def environment(lumina_home: Home, repository: Path) -> dict[str, str]:
    path = f"{repository / '.venv' / 'bin'}:{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "LUMINA_HOME": str(lumina_home.path), "LOCAL_KEY": "local"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
@pytest.mark.system("curl")
def test_the_blocks_of_a_page_do_what_it_says(
    page: Path, running: Target, environment: dict[str, str], tmp_path: Path
) -> None:
    for block in blocks(page):
        code = _addressed(block.code, running)
        if block.file:
            _written(block.file, code, environment, tmp_path)
        elif block.run:
            _run(block.language, code, environment, tmp_path)


def test_every_block_that_is_not_run_says_why() -> None:
    shown = [block for page in PAGES for block in blocks(page) if not block.run and not block.file]

    assert all(block.language in {"text", "yaml", "json"} or _has_reason(block) for block in shown)


def test_every_local_link_leads_somewhere() -> None:
    import re

    pages = [*PAGES, ROOT / "ARCHITECTURE.md", ROOT / "CONTRIBUTING.md", ROOT / "docs" / "README.md"]
    links = [(page, link) for page in pages for link in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text())]

    assert [f"{p.name}: {link}" for p, link in links if "://" not in link and not (p.parent / link).exists()] == []


def _has_reason(block: Block) -> bool:
    return any("<!-- not run: " in page.read_text() and block.code in page.read_text() for page in PAGES)


def _addressed(code: str, running: Target) -> str:
    """The documented addresses, as this Lumina's."""
    assert running.gateway is not None
    return code.replace("http://127.0.0.1:4080", running.control).replace("http://127.0.0.1:4000", running.gateway)


def _written(name: str, text: str, environment: Mapping[str, str], folder: Path) -> None:
    file = folder / name.replace("$LUMINA_HOME", environment["LUMINA_HOME"])
    file.write_text(text)


def _run(language: str, code: str, environment: Mapping[str, str], folder: Path) -> None:
    shell = ["bash", "-euo", "pipefail", "-c", code]
    command = shell if language == "bash" else [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"{code}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
