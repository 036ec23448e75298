"""What every kind of call has in common: the arguments that the library gets, and the form of an answer."""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import msgspec

from lumina_inference.translator.target import Target

DONE = b"data: [DONE]\n\n"
BETA = "anthropic-beta"


@dataclass(frozen=True)
class Asked:
    """One request: its body, the backend, and the arguments that all calls to that backend share.

    `beta` names the features of Anthropic's that the caller asks for.
    """

    body: Mapping[str, Any]
    target: Target
    shared: Mapping[str, Any]
    http: httpx.AsyncClient
    beta: str | None = None

    @property
    def streams(self) -> bool:
        return self.body.get("stream") is True

    @property
    def wants_usage(self) -> bool:
        """Whether the usage chunk of OpenAI's chat API is asked for."""
        options = self.body.get("stream_options")
        return isinstance(options, Mapping) and options.get("include_usage") is True


@dataclass(frozen=True)
class Answer:
    """Either whole, or events of a stream that has not been read yet."""

    body: bytes = b""
    events: AsyncGenerator[bytes, None] | None = None


def shared(target: Target, client: object | None, seconds: float) -> dict[str, Any]:
    """The backend's options, without retries: the gateway does those."""
    arguments: dict[str, Any] = {"timeout": seconds, **target.options, "model": target.model}
    # Its MCP gateway would need packages of its proxy, and asks for them at the first tool of any kind.
    arguments |= {"num_retries": 0, "max_retries": 0, "_skip_mcp_handler": True}
    if client is not None:
        arguments["client"] = client
    if target.has_own_address and not arguments.get("api_key"):
        arguments["api_key"] = "none"  # or the library would send the environment's key for OpenAI to it
    return arguments


def plain(answer: Any) -> dict[str, Any]:
    """An object of the library as JSON-like data, without what is empty or private."""
    data = answer if isinstance(answer, dict) else answer.model_dump(mode="json", exclude_none=True)
    return {name: value for name, value in data.items() if not name.startswith(("_", "vertex_ai_"))}


def event(data: Mapping[str, Any], name: str = "") -> bytes:
    """One server-sent event."""
    head = f"event: {name}\n".encode() if name else b""
    return head + b"data: " + msgspec.json.encode(data) + b"\n\n"
