"""What is asked of every subject, and what the stubs answer."""

import json
import secrets

from tools.drills import wire

KEY = f"sk-{secrets.token_hex(24)}"
"""The same for all subjects; LiteLLM refuses a weak one."""

KINDS = ("plain", "stream", "paced")
"""A whole answer; a stream as fast as it can be read; a stream at the pace of a provider."""

TOKENS = {"plain": 20, "stream": 40, "paced": 20}
FIRST_MS, GAP_MS = 20, 10
PACE = f"first-{FIRST_MS}/gap-{GAP_MS}/tokens-{TOKENS['paced']}"


def body(kind: str) -> bytes:
    """The request: a short chat with a system message."""
    return wire.request(KEY, kind, stream=kind != "plain").partition(b"\r\n\r\n")[2]


def stub_files() -> dict[str, bytes]:
    """What nginx answers, by file name."""
    stream = b"".join(wire.events(TOKENS["stream"]))
    return {"plain.json": wire.plain(TOKENS["plain"]), "stream.sse": stream, "models.json": _models()}


def _models() -> bytes:
    return json.dumps({"object": "list", "data": [{"id": "stub", "object": "model", "owned_by": "stub"}]}).encode()
