"""The shipped rules, in a real Prometheus that scrapes a real Lumina, and in that Lumina: one verdict at one time."""

import contextlib
import json
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx
import pytest

from lumina_kit.home import Home
from lumina_platform.cli.target import find_target
from lumina_telemetry.rules import shipped
from tools.testing.live import started

EVALUATION_SECONDS = 2.0
SCRAPE_SECONDS = 0.5
PATIENCE_SECONDS = 40.0
ALERT = "CircuitOpen"
QUICK = {
    "LUMINA_GATEWAY_METRICS_EXPORT_SECONDS": str(SCRAPE_SECONDS),
    "LUMINA_TELEMETRY_FLUSH_SECONDS": "0.2",
    "LUMINA_TELEMETRY_EVALUATION_SECONDS": str(EVALUATION_SECONDS),
}


@pytest.mark.system("prometheus")
def test_a_dead_backend_fires_in_lumina_when_it_does_in_a_prometheus_that_scrapes_it(tmp_path: Path) -> None:
    backend = ThreadingHTTPServer(("127.0.0.1", 0), Alive)
    threading.Thread(target=backend.serve_forever, daemon=True).start()
    config = tmp_path / "gateway.yaml"
    config.write_text(json.dumps({"model_list": [model(backend.server_port)]}))

    with started(tmp_path, "--config", str(config), **QUICK) as lumina, prometheus(tmp_path, lumina.home) as theirs:
        target, key = find_target(lumina.home.path), lumina.home.admin_key_file.read_text().strip()
        gateway, admin = target.gateway or "", {"Authorization": f"Bearer {key}"}
        own_api = f"{target.control}/api/telemetry/prometheus"
        with httpx.Client(base_url=own_api, headers=admin) as ours, httpx.Client(headers=admin) as caller:
            for side in (ours, theirs):
                await_it(partial(value, side, "min(lumina_gateway_backend_available)"))
            backend.shutdown()
            backend.server_close()
            fired = [await_it(partial(asked_until, caller, gateway, side)) for side in (ours, theirs)]

    assert abs(fired[0] - fired[1]) <= EVALUATION_SECONDS + 2 * SCRAPE_SECONDS


class Alive(BaseHTTPRequestHandler):
    """A backend that is well, and says nothing else."""

    def do_GET(self) -> None:
        body = b'{"object":"list","data":[]}'
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Nothing."""


def model(port: int) -> dict[str, Any]:
    parameters = {"model": "openai/m", "api_base": f"http://127.0.0.1:{port}/v1", "api_key": "none"}
    return {"model_name": "dead", "litellm_params": parameters}


def asked_until(caller: httpx.Client, gateway: str, side: httpx.Client) -> float | None:
    """When the alert began to fire on a side. One more request, so that a half-open circuit opens again."""
    chat = {"model": "dead", "messages": [{"role": "user", "content": "Hello"}]}
    caller.post(f"{gateway}/v1/chat/completions", json=chat)
    return active_at(side)


def active_at(side: httpx.Client) -> float | None:
    """When the alert began to fire, if it does: both sides answer in Prometheus's form."""
    alerts = side.get("/api/v1/alerts").json()["data"]["alerts"]
    found = [alert for alert in alerts if alert["labels"]["alertname"] == ALERT and alert["state"] == "firing"]
    return datetime.fromisoformat(found[0]["activeAt"]).timestamp() if found else None


def value(side: httpx.Client, expression: str) -> Any:
    """The first series of an answer; None while there is none, or nobody answers."""
    with contextlib.suppress(httpx.TransportError):
        return next(iter(side.get("/api/v1/query", params={"query": expression}).json()["data"]["result"]), None)
    return None


def await_it(look: Callable[[], Any]) -> Any:
    """What it finds, once it does."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (found := look()) is None:
        assert time.monotonic() < deadline, look
        time.sleep(0.1)
    return found


@contextlib.contextmanager
def prometheus(folder: Path, home: Home) -> Iterator[httpx.Client]:
    """A Prometheus with the shipped rules that scrapes the gateway."""
    target = find_target(home.path)
    (folder / "rules.yml").write_text((files(shipped) / "gateway.yml").read_text())
    (folder / "prometheus.yml").write_text(json.dumps(scrape_config(target.gateway or "", home)))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
    flags = ["--config.file=prometheus.yml", f"--web.listen-address={address}", "--storage.tsdb.path=data"]
    with subprocess.Popen(["prometheus", *flags], cwd=folder, stderr=subprocess.DEVNULL) as process:
        try:
            with httpx.Client(base_url=f"http://{address}") as client:
                yield client
        finally:
            process.terminate()


def scrape_config(gateway: str, home: Home) -> dict[str, Any]:
    job = {
        "job_name": "lumina-gateway",
        "authorization": {"credentials_file": str(home.admin_key_file)},
        "static_configs": [{"targets": [gateway.removeprefix("http://")]}],
    }
    every = {"scrape_interval": f"{int(SCRAPE_SECONDS * 1000)}ms", "evaluation_interval": f"{EVALUATION_SECONDS:g}s"}
    return {"global": {**every, "scrape_timeout": every["scrape_interval"]}, "rule_files": ["rules.yml"],
            "scrape_configs": [job]}  # fmt: skip
