"""What a route can answer, and how the paths differ."""

from dataclasses import dataclass
from typing import Literal

Form = Literal["chat", "responses", "messages"]
"""Whose events and errors a path has: OpenAI's of chat completions, those of /v1/responses, or Anthropic's."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One inference operation: its OpenTelemetry name, its kind in a route, its path, and where the prompt is.

    `native`: whether a backend that speaks OpenAI's format may know it itself; the others get it translated.
    """

    name: str
    kind: str
    path: str
    prompt: str
    streams: bool
    form: Form = "chat"
    native: bool = True
    limit: tuple[str, ...] = ("max_completion_tokens", "max_tokens")

    @property
    def needs(self) -> tuple[str, ...]:
        return ("model", self.prompt)


CHAT = Operation("chat", "chat", "/chat/completions", "messages", streams=True)
COMPLETION = Operation("text_completion", "completion", "/completions", "prompt", streams=True)
EMBEDDING = Operation("embeddings", "embedding", "/embeddings", "input", streams=False, limit=())
RESPONSES = Operation(
    "chat", "chat", "/responses", "input", streams=True, form="responses", limit=("max_output_tokens",)
)
MESSAGES = Operation("chat", "chat", "/messages", "messages", streams=True, form="messages", native=False)

OPERATIONS = (CHAT, COMPLETION, EMBEDDING, RESPONSES, MESSAGES)
