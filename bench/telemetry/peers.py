"""MLflow's OTLP endpoint and Phoenix, each in an environment of its own, installed when it is first measured."""

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from bench.gateway.processes import Subject, free_port, running
from bench.telemetry.sending import Receiver

ROOT = Path(__file__).resolve().parents[2]
_START_SECONDS = 120
_INSTALL_SECONDS = 900


class Absent(Exception):
    """It cannot be measured here; the message says why."""


@contextlib.contextmanager
def mlflow(root: Path) -> Iterator[tuple[Subject, Receiver]]:
    """One worker, on SQLite. Raises Absent."""
    port = free_port()
    store = f"sqlite:///{root / 'mlflow.sqlite'}"
    flags = ["server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1", "--backend-store-uri", store]
    extra = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    receiver = Receiver(f"http://127.0.0.1:{port}/v1/traces", {"x-mlflow-experiment-id": "0"})
    with _served("mlflow", root, flags, extra, f"http://127.0.0.1:{port}/health") as pid:
        yield Subject("mlflow", {}, pid), receiver


@contextlib.contextmanager
def phoenix(root: Path) -> Iterator[tuple[Subject, Receiver]]:
    """On SQLite. Raises Absent."""
    port, grpc = free_port(), free_port()
    extra = {
        "PHOENIX_PORT": str(port),
        "PHOENIX_GRPC_PORT": str(grpc),
        "PHOENIX_HOST": "127.0.0.1",
        "PHOENIX_WORKING_DIR": str(root / "phoenix"),
        "PHOENIX_TELEMETRY_ENABLED": "false",
        "PHOENIX_ALLOW_EXTERNAL_RESOURCES": "false",
    }
    (root / "phoenix").mkdir()
    with _served("phoenix", root, ["serve"], extra, f"http://127.0.0.1:{port}/healthz") as pid:
        yield Subject("phoenix", {}, pid), Receiver(f"http://127.0.0.1:{port}/v1/traces", {})


def version(peer: str, package: str) -> str:
    """As it is installed; empty if it is not."""
    found = sorted((ROOT / "bench" / "peers" / peer / ".venv").glob(f"lib/*/site-packages/{package}-*.dist-info"))
    return found[0].name.removeprefix(f"{package}-").removesuffix(".dist-info") if found else ""


@contextlib.contextmanager
def _served(peer: str, root: Path, flags: Sequence[str], extra: dict[str, str], health: str) -> Iterator[int]:
    program, log = _python(peer).with_name(peer), root / f"{peer}.log"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LUMINA_", "OTEL_", "PYTHON"))}
    environment = {**kept, **extra, "HOME": str(root)}
    with running([str(program), *flags], environment, log=log) as pid:
        _await(health, peer, log)
        yield pid


def _python(peer: str) -> Path:
    install = ROOT / "bench" / "peers" / peer / "install"
    try:
        done = subprocess.run([install], stdout=subprocess.PIPE, text=True, check=False, timeout=_INSTALL_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Absent(f"bench/peers/{peer}/install: {error}") from None
    if done.returncode:
        raise Absent(f"bench/peers/{peer}/install ended with {done.returncode}; what it said stands above.")
    return Path(done.stdout.strip())


def _await(url: str, peer: str, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            with urlopen(url, timeout=2) as answer:
                if answer.status == 200:
                    return
        except (URLError, OSError):
            pass
        if time.monotonic() > deadline:
            raise Absent(f"{peer} was not ready within {_START_SECONDS} s\n{log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.2)
