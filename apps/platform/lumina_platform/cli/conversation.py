"""One streamed question to the gateway. It imports httpx: `lumina chat` imports it where it asks."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import cast

import httpx

from lumina_platform.cli.client import Row, connected, gateway_of, refusal
from lumina_platform.cli.errors import AnswerBroke, CallRefused
from lumina_platform.cli.target import Target

Take = Callable[[str], None]
DATA, DONE = "data:", "[DONE]"


@dataclass(frozen=True)
class Question:
    text: str
    model: str
    context: str | None = None

    @property
    def body(self) -> Row:
        context = [{"role": "system", "content": self.context}] if self.context else []
        return {
            "model": self.model,
            "messages": [*context, {"role": "user", "content": self.text}],
            "stream": True,
            "stream_options": {"include_usage": True},
        }


@dataclass
class Told:
    """What became known about the request while its answer came."""

    headers: Mapping[str, str]
    began: float
    first_token: float | None = None
    ended: float | None = None
    usage: Mapping[str, object] = field(default_factory=dict)

    def shown(self) -> Row:
        return {
            "trace_id": self.headers.get("x-lumina-trace-id"),
            "request_id": self.headers.get("x-request-id"),
            "route": self.headers.get("x-lumina-route"),
            "backend": self.headers.get("x-lumina-backend"),
            "model_version": self.headers.get("x-lumina-model-version"),
            "first_token": _milliseconds(self.began, self.first_token),
            "duration": _milliseconds(self.began, self.ended),
            "tokens_in": self.usage.get("prompt_tokens"),
            "tokens_out": self.usage.get("completion_tokens"),
        }


def ask(target: Target, question: Question, take: Take) -> Told:
    """Give each piece of the answer to `take` as it comes. Raises CallRefused, AnswerBroke or NotRunning."""
    began = time.monotonic()
    with (
        connected(target, gateway_of(target)) as client,
        client.stream("POST", "/v1/chat/completions", json=question.body) as reply,
    ):
        if reply.is_error:
            reply.read()
            raise refusal(reply)
        told = Told(reply.headers, began)
        for chunk in _chunks(reply):
            _hear(chunk, told, take)
    told.ended = time.monotonic()
    return told


def _hear(chunk: Row, told: Told, take: Take) -> None:
    told.usage = cast("Row | None", chunk.get("usage")) or told.usage
    for choice in cast("list[Row]", chunk.get("choices") or []):
        piece = cast("Row", choice.get("delta") or {}).get("content")
        if piece:
            told.first_token = told.first_token or time.monotonic()
            take(str(piece))


def _chunks(reply: httpx.Response) -> Iterator[Row]:
    """The chunks of a stream up to its `[DONE]`; a failure told in-band is raised."""
    for line in reply.iter_lines():
        if not line.startswith(DATA):
            continue
        data = line.removeprefix(DATA).strip()
        if data == DONE:
            return
        chunk = cast("Row", json.loads(data))
        if failure := chunk.get("error"):
            raise CallRefused(str(cast("Row", failure).get("message")), next_step="What came before it is incomplete.")
        yield chunk
    raise AnswerBroke("The answer ended before it was complete.", next_step="Ask again, and see the gateway's log.")


def _milliseconds(began: float, moment: float | None) -> str | None:
    return None if moment is None else f"{(moment - began) * 1000:.0f} ms"
