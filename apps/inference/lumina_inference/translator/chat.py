"""Chat completions, text completions and embeddings: OpenAI's wire format on both ends of the library."""

import struct
import time
from base64 import b64encode
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import litellm
import msgspec

from lumina_inference.translator.addresses import check_addresses
from lumina_inference.translator.calling import DONE, Answer, Asked, event, plain
from lumina_inference.translator.chunks import Chunks
from lumina_inference.translator.fields import CHAT, COMPLETION, EMBEDDING, required, wanted
from lumina_inference.translator.shapes import check_named


async def chat(asked: Asked) -> Answer:
    """Answer POST /v1/chat/completions."""
    required(asked.body, "messages", list)
    check_addresses(asked.body["messages"])
    for name in ("tools", "response_format"):
        check_named(asked.body.get(name), name)
    arguments = {**asked.shared, **wanted(asked.body, CHAT, asked.target)}
    if asked.streams:
        # Asked for always: what the library counts by itself differs from what the provider bills.
        stream = await litellm.acompletion(**arguments, stream=True, stream_options={"include_usage": True})
        source = Chunks(stream)
        return Answer(events=_events(source, source, asked, "chat.completion.chunk"))
    return Answer(_whole(await litellm.acompletion(**arguments)))


async def completion(asked: Asked) -> Answer:
    """Answer POST /v1/completions."""
    required(asked.body, "prompt", (str, list))
    arguments = {**asked.shared, **wanted(asked.body, COMPLETION, asked.target)}
    if asked.streams:
        stream = await litellm.atext_completion(**arguments, stream=True, stream_options={"include_usage": True})
        source = Chunks(stream)
        if isinstance(stream, litellm.TextCompletionStreamWrapper):  # made of a chat's
            stream.completion_stream = source = Chunks(stream.completion_stream)
            return Answer(events=_events(stream, source, asked, "text_completion"))
        return Answer(events=_events(source, source, asked, "text_completion"))
    return Answer(_whole(await litellm.atext_completion(**arguments)))


async def embedding(asked: Asked) -> Answer:
    """Answer POST /v1/embeddings. Which encoding was asked for is no matter of the provider: OpenAI's alone has two."""
    required(asked.body, "input", (str, list))
    arguments = {**asked.shared, **wanted(asked.body, EMBEDDING, asked.target)}
    encoded = arguments.pop("encoding_format", "float") == "base64"
    answer = plain(await litellm.aembedding(**arguments))
    if encoded:
        for item in answer["data"]:
            item["embedding"] = _base64(item["embedding"])
    return Answer(msgspec.json.encode(answer))


def _base64(numbers: list[float] | str) -> str:
    return numbers if isinstance(numbers, str) else b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()


def _whole(answer: Any) -> bytes:
    return msgspec.json.encode(plain(answer))


async def _events(chunks: Any, source: Chunks, asked: Asked, kind: str) -> AsyncGenerator[bytes, None]:
    seen = _Seen(kind)
    async with aclosing(source):
        async for chunk in chunks:
            if (data := seen.cleaned(plain(chunk)))["choices"]:
                yield event(data)
    if asked.wants_usage and seen.usage:
        yield event({**seen.head, "choices": [], "usage": seen.usage})
    yield DONE


@dataclass
class _Seen:
    """What the chunks so far had in common, and what belongs at the end."""

    kind: str
    head: dict[str, Any] = field(default_factory=dict)
    usage: dict[str, Any] | None = None

    def cleaned(self, chunk: dict[str, Any]) -> dict[str, Any]:
        """The chunk without usage, which comes once, after all others; the same head on each."""
        self.usage = chunk.pop("usage", None) or self.usage
        if not self.head:
            self.head = {
                "id": chunk.get("id"),
                "object": self.kind,
                "created": chunk.get("created") or int(time.time()),
                "model": chunk.get("model"),
            }
        choices = [*filter(_says_something, chunk.get("choices") or [])]
        if self.kind == "text_completion":
            choices = [choice | {"text": choice.get("text") or ""} for choice in choices]
        return {**chunk, **self.head, "choices": choices}


def _says_something(choice: dict[str, Any]) -> bool:
    return bool(choice.get("finish_reason") or choice.get("delta") or choice.get("text") or choice.get("logprobs"))
