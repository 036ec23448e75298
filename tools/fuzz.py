"""`python -m tools.fuzz --seconds 60`: schemathesis over the OpenAPI documents of both planes of a Lumina of its own.

Any answer of 500 or above that is not an honest 502, 503 or 504 fails.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tools.openapi import GATEWAY
from tools.running import Running, lumina
from tools.tasks.projects import ROOT
from tools.tasks.steps import tool

# They would end the very process that is looked at, or the key that looks.
LEFT_OUT = ("platform_restart_part", "governance_revoke_key")
MODELS = ["lumina/extractive", "lumina/minilm", "unknown"]  # a made-up name would never get past the 404
CONFIG = """
[checks]
not_a_server_error = { expected-statuses = ["2xx", "3xx", "4xx", 502, 503, 504] }
"""


def main(arguments: list[str] | None = None) -> int:
    asked = _parser().parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="lumina-fuzz-") as folder:
        config = Path(folder) / "schemathesis.toml"
        config.write_text(CONFIG)
        with lumina() as running:
            left_out = [part for operation in LEFT_OUT for part in ("--exclude-operation-id", operation)]
            control = _fuzz(f"{running.control}/openapi.json", running.control, running, config, asked, left_out)
        document = Path(folder) / "gateway.json"
        document.write_text(json.dumps(json.loads((ROOT / GATEWAY).read_text(), object_hook=_with_real_models)))
        with lumina() as running:
            gateway = _fuzz(str(document), running.gateway, running, config, asked, [])
    return control or gateway


def _with_real_models(part: dict[str, Any]) -> dict[str, Any]:
    """The document's schema of `model`, wherever it is, as a choice of names."""
    model = part.get("properties", {}).get("model")
    if isinstance(model, dict) and model.get("type") == "string":
        model["enum"] = MODELS
    return part


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.fuzz")
    parser.add_argument("--seconds", type=int, default=60, help="for each document")
    parser.add_argument("--seed", type=int, help="the same requests each time")
    return parser


def _fuzz(
    document: str, address: str, running: Running, config: Path, asked: argparse.Namespace, flags: list[str]
) -> int:
    print(f"--- {document}, {asked.seconds} s", flush=True)
    argv = [tool("schemathesis"), "--config-file", str(config), "run", document, "--url", address, *flags]
    argv += ["--header", f"Authorization: Bearer {running.admin_key}", "--checks", "not_a_server_error"]
    argv += ["--max-time", str(asked.seconds), "--continue-on-failure", "--suppress-health-check=all"]
    repeatable = ["--seed", str(asked.seed), "--generation-deterministic"]
    argv += repeatable if asked.seed else ["--generation-database=none"]
    return subprocess.run(argv, cwd=config.parent, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
