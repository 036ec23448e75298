"""`python -m tools.openapi` writes the control plane's OpenAPI document; `--check` fails on a stale one instead.

The document is what a running Lumina serves. The gateway's is written by hand beside its code, and its tests compare it
with the route table.
"""

import json
import sys
import urllib.request
from pathlib import Path

from tools.running import lumina
from tools.tasks.projects import ROOT

CONTROL = Path("docs/reference/openapi.json")
GATEWAY = Path("apps/inference/lumina_inference/gateway/openapi.json")


def served() -> str:
    """The document of a Lumina started for it, with sorted keys."""
    with lumina() as running:
        request = urllib.request.Request(
            f"{running.control}/openapi.json", headers={"Authorization": f"Bearer {running.admin_key}"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # nosec B310
            return json.dumps(json.load(answer), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def main(arguments: list[str]) -> int:
    text, file = served(), ROOT / CONTROL
    if "--check" not in arguments:
        file.write_text(text)
        print(f"Wrote {CONTROL}; the gateway's is {GATEWAY}.")
    elif not file.is_file() or file.read_text() != text:
        print(f"{CONTROL} is stale: run `make openapi`.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
