"""Raw results of a drill or a benchmark, in bench/results with date and commit."""

import json
import os
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime

from tools.tasks.projects import ROOT


def keep(name: str, content: Mapping[str, object]) -> str:
    """Write them, and give the file's path in the tree."""
    now = datetime.now(UTC)
    asked = ["git", "describe", "--always", "--dirty=+", "--abbrev=7", "--exclude=*"]  # `+`: not what was committed
    commit = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
    head = {"date": now.isoformat(timespec="seconds"), "commit": commit, "cpus": os.cpu_count()}
    file = ROOT / "bench" / "results" / f"{name}-{now:%Y%m%dT%H%M%SZ}.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps({**head, **content}, indent=1) + "\n")
    return str(file.relative_to(ROOT))
