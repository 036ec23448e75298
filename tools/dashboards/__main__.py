"""`python -m tools.dashboards` writes Grafana's dashboards; with `--check` it fails on a stale one instead."""

import json
import sys
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from tools.dashboards import gateway, models, platform

FOLDER = Path(__file__).parents[2] / "infra" / "grafana" / "dashboards"
DASHBOARDS = {"platform": platform.dashboard, "gateway": gateway.dashboard, "models": models.dashboard}


def written() -> dict[Path, str]:
    """The text of each file."""
    return {FOLDER / f"{name}.json": _json(board().build()) for name, board in DASHBOARDS.items()}


def stale() -> list[Path]:
    """The files that are not what the code says now."""
    return [file for file, text in written().items() if not file.is_file() or file.read_text() != text]


def main() -> int:
    if "--check" in sys.argv:
        old = stale()
        for file in old:
            print(f"infra/grafana/dashboards/{file.name} is stale: run `python -m tools.dashboards`.", file=sys.stderr)
        return 1 if old else 0
    for file, text in written().items():
        file.write_text(text)
    return 0


def _json(dashboard: Dashboard) -> str:
    for number, panel in enumerate(dashboard.panels or [], 1):
        panel.id_val = number
    return json.dumps(dashboard, cls=JSONEncoder, sort_keys=True, indent=2) + "\n"


if __name__ == "__main__":
    sys.exit(main())
