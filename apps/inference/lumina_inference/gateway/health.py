"""Whether the gateway lives and can serve: open to all, and state only."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lumina_inference.gateway.auth import authenticate
from lumina_inference.gateway.calls import Call
from lumina_inference.gateway.replies import Reply, reply, reply_json
from lumina_inference.gateway.snapshots import Snapshots
from lumina_kit.clock import Clock

Status = Literal["starting", "ready", "degraded"]
_DOCUMENT = Path(__file__).with_name("openapi.json")


@dataclass(frozen=True)
class Health:
    """Answers the health and document endpoints."""

    snapshots: Snapshots
    admin_key: Path
    now: Clock

    async def alive(self, call: Call) -> Reply:
        """Open to all: the process answers."""
        return reply_json(call, {"status": "ok"})

    async def ready(self, call: Call) -> Reply:
        """Open to all, state only: 503 until a snapshot is there that knows the admin key."""
        status = self.status()
        parts = {
            "snapshot": "ready" if self.can_serve() else "starting",
            "control": "ready" if self.snapshots.control_up else "unreachable",
        }
        return reply_json(call, {"status": status, "parts": parts}, status=503 if status == "starting" else 200)

    async def alive_as_litellm_says(self, call: Call) -> Reply:
        """The body that LiteLLM's clients and probes look for."""
        return reply_json(call, "I'm alive!")

    async def ready_as_litellm_says(self, call: Call) -> Reply:
        """What LiteLLM calls its database is control here: it keeps keys and budgets. Serving goes on without it."""
        told = {
            "status": "healthy" if self.can_serve() else "starting",
            "db": "connected" if self.snapshots.control_up else "disconnected",
        }
        return reply_json(call, told, status=200 if self.can_serve() else 503)

    async def document(self, call: Call) -> Reply:
        """This gateway's OpenAPI document, for any key."""
        authenticate(call, self.now)
        return reply(call, _DOCUMENT.read_bytes())

    def status(self) -> Status:
        if not self.can_serve():
            return "starting"
        return "ready" if self.snapshots.control_up else "degraded"

    def can_serve(self) -> bool:
        """Whether the snapshot knows the admin key that is written in the home."""
        index = self.snapshots.current
        try:
            return index is not None and _digest(self.admin_key) in index.callers
        except OSError:
            return False


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes().strip()).hexdigest()
