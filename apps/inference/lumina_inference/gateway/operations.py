"""The three things that a route can answer, and how each differs."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Operation:
    """One inference operation: its OpenTelemetry name, its kind in a route, its path, and where the prompt is."""

    name: str
    kind: str
    path: str
    prompt: str
    streams: bool

    @property
    def needs(self) -> tuple[str, ...]:
        return ("model", self.prompt)


CHAT = Operation(name="chat", kind="chat", path="/chat/completions", prompt="messages", streams=True)
COMPLETION = Operation(name="text_completion", kind="completion", path="/completions", prompt="prompt", streams=True)
EMBEDDING = Operation(name="embeddings", kind="embedding", path="/embeddings", prompt="input", streams=False)

OPERATIONS = (CHAT, COMPLETION, EMBEDDING)
