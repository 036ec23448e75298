"""`python -m tools.reference` writes the tables; with `--check` it fails on a stale one instead."""

import sys
from pathlib import Path

from tools.reference.command_line import command_line
from tools.reference.litellm_config import litellm_config
from tools.reference.promql import promql
from tools.reference.stripped_content import stripped_content
from tools.reference.tables import events, roles, settings, telemetry

FOLDER = Path(__file__).parents[2] / "docs" / "reference"
PAGES = {
    "settings.md": settings,
    "roles.md": roles,
    "events.md": events,
    "telemetry.md": telemetry,
    "promql.md": promql,
    "stripped-content.md": stripped_content,
    "command-line.md": command_line,
    "litellm-config.md": litellm_config,
}


def stale() -> list[Path]:
    """The pages that are not what the code says now."""
    return [file for file, text in _rendered() if not file.is_file() or file.read_text() != text]


def main() -> int:
    if "--check" in sys.argv:
        old = stale()
        for file in old:
            print(f"docs/reference/{file.name} is stale: run `python -m tools.reference`.", file=sys.stderr)
        return 1 if old else 0
    for file, text in _rendered():
        file.write_text(text)
    return 0


def _rendered() -> list[tuple[Path, str]]:
    return [(FOLDER / name, page()) for name, page in PAGES.items()]


if __name__ == "__main__":
    sys.exit(main())
