"""A running Lumina as its senders see it: the environment they read, and what its API gives back of what they sent."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from lumina_platform.cli.target import Target

ROOT = Path(__file__).resolve().parents[4]
PROGRAMS = Path(__file__).parent / "programs"
PROGRAM_SECONDS = 60
KNOWN_SECONDS = 20
POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Lumina:
    """Where to send with `key`, and questions to the API; each is asked again until the answer is as awaited."""

    target: Target
    api: httpx.Client
    key: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    def endpoint(self, signal: str) -> str:
        return f"{self.target.control}/otlp/v1/{signal}"

    def environment(self, service: str, **more: str) -> dict[str, str]:
        """What docs/guides/send-telemetry.md tells to set."""
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("OTEL_")},
            "OTEL_SERVICE_NAME": service,
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"{self.target.control}/otlp",
            "OTEL_EXPORTER_OTLP_HEADERS": f"Authorization=Bearer {self.key}",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            **more,
        }

    def ask(self, path: str, known: Callable[[Any], bool], **parameters: str) -> Any:
        """The answer once `known` is true of it."""
        deadline = time.monotonic() + KNOWN_SECONDS
        while True:
            answer = self.api.get(f"/api/telemetry/{path}", params=parameters)
            body = answer.json()
            if answer.is_success and known(body):
                return body
            assert answer.status_code in (200, 404), body
            assert time.monotonic() < deadline, body
            time.sleep(POLL_SECONDS)

    def trace(self, trace_id: str, spans: int) -> dict[str, Any]:
        """Its nodes by the spans' names, once there are so many."""
        tree = self.ask(f"traces/{trace_id}", lambda tree: tree.get("spans") == spans)
        return {node["span"]["name"]: node for node in tree["items"]}

    def newest_trace(self, service: str) -> str:
        """The id of the newest trace of a service, once there is one."""
        found = self.ask("traces", lambda page: bool(page["items"]), service=service)
        return str(found["items"][0]["trace_id"])

    def logs(self, trace_id: str) -> list[dict[str, Any]]:
        """The log records of a trace, once there is one."""
        found: list[dict[str, Any]] = self.ask(f"traces/{trace_id}/logs", lambda page: bool(page["items"]))["items"]
        return found

    def value(self, expression: str) -> float:
        """What the expression's only series is worth, once there is one."""
        [point] = self.ask("metrics/query", lambda page: bool(page["items"]), query=expression)["items"]
        return float(point["value"])


def sending(target: Target, api: httpx.Client) -> Lumina:
    """With a new key that may send telemetry and nothing else."""
    made = api.post("/api/governance/keys", json={"name": "sender", "scopes": ["otlp"]})
    assert made.is_success, made.text
    return Lumina(target, api, made.json()["secret"])


def ran(command: list[str | Path], environment: Mapping[str, str]) -> str:
    """What the program printed."""
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=PROGRAM_SECONDS, check=False
    )
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout.strip()


def ran_python(program: str, environment: Mapping[str, str], *arguments: str) -> str:
    """What one of our programs printed."""
    return ran([sys.executable, PROGRAMS / program, *arguments], environment)
