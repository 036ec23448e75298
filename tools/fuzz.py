"""`python -m tools.fuzz --seconds 60`: schemathesis over the OpenAPI documents of both planes of a Lumina of its own.

Any answer of 500 or above that is not an honest 502, 503 or 504 fails.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.openapi import GATEWAY
from tools.running import Running, lumina
from tools.tasks.projects import ROOT
from tools.tasks.steps import tool

# It would end the very process that is looked at.
LEFT_OUT = ("/api/platform/parts/{name}/restart",)
CONFIG = """
[checks]
not_a_server_error = { expected-statuses = ["2xx", "3xx", "4xx", 502, 503, 504] }
"""


def main(arguments: list[str] | None = None) -> int:
    asked = _parser().parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="lumina-fuzz-") as folder, lumina() as running:
        config = Path(folder) / "schemathesis.toml"
        config.write_text(CONFIG)
        statuses = [_fuzz(place, address, running, config, asked) for place, address in _planes(running)]
    return 1 if any(statuses) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.fuzz")
    parser.add_argument("--seconds", type=int, default=60, help="for each document")
    parser.add_argument("--seed", type=int, help="the same requests each time")
    return parser


def _planes(running: Running) -> list[tuple[str, str]]:
    return [(f"{running.control}/openapi.json", running.control), (str(ROOT / GATEWAY), running.gateway)]


def _fuzz(place: str, address: str, running: Running, config: Path, asked: argparse.Namespace) -> int:
    print(f"--- {place}, {asked.seconds} s", flush=True)
    argv = [tool("schemathesis"), "--config-file", str(config), "run", place, "--url", address]
    argv += ["--header", f"Authorization: Bearer {running.admin_key}", "--checks", "not_a_server_error"]
    argv += ["--max-time", str(asked.seconds), "--continue-on-failure", "--generation-database", "none"]
    argv += [part for path in LEFT_OUT for part in ("--exclude-path", path)]
    argv += ["--seed", str(asked.seed), "--generation-deterministic"] if asked.seed else []
    return subprocess.run(argv, cwd=config.parent, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
