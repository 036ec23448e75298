"""Providers in processes of their own, and a Lumina that is configured to use them."""

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.running import Running, lumina
from tools.tasks.projects import ROOT

INPUT_NANO_USD, OUTPUT_NANO_USD = 2500, 10_000  # for each token
PER_TOKEN = {"input_cost_per_token": INPUT_NANO_USD / 1e9, "output_cost_per_token": OUTPUT_NANO_USD / 1e9}
_KEY_SECONDS = 10
_OWN = ("LUMINA_", "OTEL_")  # what a person set for the Lumina of theirs is not for ours


@dataclass(frozen=True)
class Configured(Running):
    """A Lumina with the configuration file that it watches."""

    config: Path


@dataclass
class Provider:
    """A provider's process; it can be killed, stopped and started anew on its port."""

    port: int
    process: subprocess.Popen[bytes]

    def url(self, **options: int) -> str:
        """The address of a backend with this behaviour."""
        parts = "".join(f"/{name}-{value}" for name, value in options.items())
        return f"http://127.0.0.1:{self.port}{parts}/v1"

    def stats(self) -> dict[str, int]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/stats", timeout=10) as answer:  # nosec B310
            return dict(json.load(answer))

    def restart(self) -> None:
        """Start it again after it was killed."""
        self.process.wait()
        self.process = _start(_listen(self.port))


@contextlib.contextmanager
def provider() -> Iterator[Provider]:
    listening = _listen(0)
    port = int(listening.getsockname()[1])
    running = Provider(port, _start(listening))
    try:
        yield running
    finally:
        running.process.kill()
        running.process.wait()


@contextlib.contextmanager
def configured(
    backends: dict[str, list[str]],
    *,
    settings: dict[str, Any] | None = None,
    environment: dict[str, str] | None = None,
    home: Path | None = None,
) -> Iterator[Configured]:
    """A Lumina whose routes have backends at these addresses; `settings` are further sections of the configuration."""
    with tempfile.TemporaryDirectory(prefix="lumina-drill-") as folder, _only(environment or {}):
        file = Path(folder) / "gateway.yaml"
        write_config(file, backends, settings)
        with lumina("--config", str(file), home=home) as running:
            yield Configured(running.control, running.gateway, running.admin_key, running.pid, running.home, file)


def write_config(file: Path, backends: dict[str, list[str]], settings: dict[str, Any] | None = None) -> None:
    """A LiteLLM configuration (JSON is YAML), put in place whole."""
    models = [_model(route, number, url) for route, urls in backends.items() for number, url in enumerate(urls)]
    draft = file.with_suffix(".new")
    draft.write_text(json.dumps({"model_list": models, **(settings or {})}, indent=1))
    draft.replace(file)


def pids(running: Running) -> dict[str, int]:
    """The processes of a Lumina by the names of its parts."""
    parts = api(running, "GET", "/api/platform/status")["parts"]
    return {part["name"]: part["pid"] for part in parts if part["pid"]}


def api(running: Running, method: str, path: str, body: object = None, *, plane: str = "control") -> Any:
    """A JSON answer of the control plane, or of the gateway. Raises RuntimeError with what it said instead."""
    address = running.gateway if plane == "gateway" else running.control
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {running.admin_key}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{address}{path}", data=data, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # nosec B310
            text = answer.read()
    except urllib.error.HTTPError as error:
        raise RuntimeError(f"{method} {path} was answered {error.code}: {error.read().decode()[:500]}") from None
    return json.loads(text) if text.startswith((b"{", b"[")) else text.decode()


async def asked(running: Running, method: str, path: str, body: object = None, *, plane: str = "control") -> Any:
    """The same without holding up the load."""
    return await asyncio.to_thread(api, running, method, path, body, plane=plane)


async def limited_key(running: Running, name: str, **limits: object) -> str:
    """A key whose limits are checked on each request, and never reached unless they are given. It works on return."""
    ample = {"requests_per_minute": 10**12, "tokens_per_minute": 10**12, "budget_usd": "1000000000"}
    made = await asked(running, "POST", "/api/governance/keys", {"name": name, "limits": limits or ample})
    await asyncio.to_thread(_until_it_works, running, made["secret"])
    return str(made["secret"])


def _until_it_works(running: Running, secret: str) -> None:
    request = urllib.request.Request(f"{running.gateway}/v1/models", headers={"Authorization": f"Bearer {secret}"})
    deadline = time.monotonic() + _KEY_SECONDS
    while True:
        try:
            with urllib.request.urlopen(request, timeout=10):  # nosec B310
                return
        except urllib.error.HTTPError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _model(route: str, number: int, url: str) -> dict[str, Any]:
    litellm = {"model": "openai/stub", "api_base": url, "api_key": "sk-drill"}
    return {"model_name": route, "litellm_params": litellm, "model_info": {"id": f"{route}-{number}", **PER_TOKEN}}


def _listen(port: int) -> socket.socket:
    listening = socket.create_server(("127.0.0.1", port))
    listening.set_inheritable(True)
    return listening


def _start(listening: socket.socket) -> subprocess.Popen[bytes]:
    with listening:
        number = listening.fileno()
        argv = [sys.executable, "-m", "tools.drills.provider", str(number)]
        return subprocess.Popen(argv, cwd=ROOT, pass_fds=(number,))


@contextlib.contextmanager
def _only(settings: dict[str, str]) -> Iterator[None]:
    """These settings of Lumina in the environment and no others."""
    taken = {name: os.environ.pop(name) for name in tuple(os.environ) if name.startswith(_OWN)}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name in settings:
            os.environ.pop(name, None)
        os.environ.update(taken)
