"""LiteLLM's proxy in an environment of its own, which is installed when it is first measured."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from bench.gateway.asked import KEY, KINDS, body
from bench.gateway.processes import Subject, await_answers, free_port, running
from bench.gateway.stubs import ROOT, Stubs

PEER = ROOT / "bench" / "peers" / "litellm"
_START_SECONDS = 120
_INSTALL_SECONDS = 900


class Absent(Exception):
    """It cannot be measured here; the message says why."""


@contextlib.contextmanager
def proxy(root: Path, stubs: Stubs) -> Iterator[Subject]:
    """Install and start it, one worker. Raises Absent."""
    program, port, log = _program(), free_port(), root / "litellm.log"
    argv = [str(program), "--config", str(PEER / "config.yaml"), "--host", "127.0.0.1", "--port", str(port)]
    with running([*argv, "--num_workers", "1"], _environment(root, stubs), log=log) as pid:
        url = f"http://127.0.0.1:{port}/v1/chat/completions"
        subject = Subject("litellm", dict.fromkeys(KINDS, url), pid)
        try:
            await_answers(subject, {kind: body(kind) for kind in KINDS}, KEY, _START_SECONDS)
        except TimeoutError as error:
            raise Absent(f"{error}\n{log.read_text(errors='replace')[-2000:]}") from None
        yield subject


def version() -> str:
    """As it is installed; empty if it is not."""
    found = sorted((PEER / ".venv").glob("lib/*/site-packages/litellm-*.dist-info"))
    return found[0].name.removeprefix("litellm-").removesuffix(".dist-info") if found else ""


def _program() -> Path:
    try:
        done = subprocess.run(
            [PEER / "install"], stdout=subprocess.PIPE, text=True, check=False, timeout=_INSTALL_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Absent(f"bench/peers/litellm/install: {error}") from None
    if done.returncode:
        raise Absent(f"bench/peers/litellm/install ended with {done.returncode}; what it said stands above.")
    return Path(done.stdout.strip()).with_name("litellm")


def _environment(root: Path, stubs: Stubs) -> dict[str, str]:
    bases = {f"STUB_{kind.upper()}": base for kind, base in stubs.bases.items()}
    settings = {
        "LITELLM_MASTER_KEY": KEY,
        "LITELLM_MODE": "PRODUCTION",
        "LITELLM_LOG": "ERROR",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else it fetches a price list at its start
        "LITELLM_TELEMETRY": "False",
        "DISABLE_ADMIN_UI": "True",
        "NO_DOCS": "True",
        "HOME": str(root),
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LUMINA_", "OTEL_", "PYTHON"))}
    return {**kept, **settings, **bases}
