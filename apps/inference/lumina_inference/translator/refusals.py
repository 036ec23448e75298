"""A failed call in the shape of the API that was called: OpenAI's, or Anthropic's on /v1/messages."""

from dataclasses import dataclass, field
from typing import Literal

import msgspec

Shape = Literal["openai", "responses", "anthropic"]

ANTHROPIC_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_OPENAI_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


@dataclass
class Refusal(Exception):
    """A request that gets an error. `headers` holds what of the provider's headers goes on, as retry-after."""

    message: str
    status: int = 400
    code: str = "invalid_value"
    param: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def body(self, shape: Shape) -> bytes:
        """The error as JSON."""
        if shape == "anthropic":
            error = {
                "type": ANTHROPIC_TYPES.get(self.status, _other(self.status, "api_error")),
                "message": self.message,
            }
            return msgspec.json.encode({"type": "error", "error": error | {"code": self.code}})
        kind = _OPENAI_TYPES.get(self.status, _other(self.status, "server_error"))
        return msgspec.json.encode(
            {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}
        )

    def event(self, shape: Shape) -> bytes:
        """The error inside a stream that has begun."""
        if shape == "openai":
            return b"data: " + self.body(shape) + b"\n\n"
        return b"event: error\ndata: " + (self._responses_event if shape == "responses" else self.body(shape)) + b"\n\n"

    @property
    def _responses_event(self) -> bytes:
        told = {"type": "error", "code": self.code, "message": self.message, "param": self.param}
        return msgspec.json.encode(told | {"sequence_number": 0})


def _other(status: int, server: str) -> str:
    return server if status >= 500 else "invalid_request_error"
