"""Answers on the wire: the JSON object and the stream of chunks that OpenAI's clients expect."""

import re
import time
import uuid
from collections.abc import Iterator
from typing import Literal

import msgspec
from msgspec import Struct

from lumina_inference.embedded.chat import MODEL, Job

FINGERPRINT = "lumina-extractive-1"
DONE = b"data: [DONE]\n\n"
_PIECE = re.compile(r"\S+\s*|\s+")

Json = dict[str, object]


class Answer(Struct, frozen=True):
    """The text of one choice. `finish_reason` is `length` when `max_tokens` cut it."""

    text: str
    tokens: int
    finish_reason: Literal["stop", "length"]


class Reply(Struct, frozen=True):
    """All choices of one request, with the tokens of its prompt."""

    answers: tuple[Answer, ...]
    prompt_tokens: int

    @property
    def usage(self) -> dict[str, int]:
        completion = sum(answer.tokens for answer in self.answers)
        total = self.prompt_tokens + completion
        return {"prompt_tokens": self.prompt_tokens, "completion_tokens": completion, "total_tokens": total}


def whole(job: Job, reply: Reply) -> bytes:
    """The answer as one JSON object."""
    kind = "chat.completion" if job.chat else "text_completion"
    choices = [_choice(job, index, answer) for index, answer in enumerate(reply.answers)]
    return msgspec.json.encode(_head(job, kind) | {"choices": choices, "usage": reply.usage})


def streamed(job: Job, reply: Reply) -> Iterator[bytes]:
    """The answer as server-sent events, a chat's word by word, ending with `[DONE]`."""
    head = _head(job, "chat.completion.chunk" if job.chat else "text_completion")
    usage: Json = {"usage": None} if job.usage_wanted else {}
    for index, answer in enumerate(reply.answers):
        for choice in _pieces(job, index, answer):
            yield _event(head | {"choices": [choice]} | usage)
    if job.usage_wanted:
        yield _event(head | {"choices": [], "usage": reply.usage})
    yield DONE


def _head(job: Job, kind: str) -> Json:
    prefix = "chatcmpl" if job.chat else "cmpl"
    return {
        "id": f"{prefix}-{uuid.uuid4().hex}",
        "object": kind,
        "created": int(time.time()),
        "model": MODEL,
        "system_fingerprint": FINGERPRINT,
    }


def _choice(job: Job, index: int, answer: Answer) -> Json:
    rest: Json = {"index": index, "logprobs": None, "finish_reason": answer.finish_reason}
    if job.chat:
        return rest | {"message": {"role": "assistant", "content": answer.text, "refusal": None}}
    return rest | {"text": answer.text}


def _pieces(job: Job, index: int, answer: Answer) -> Iterator[Json]:
    if not job.chat:
        # One chunk: OpenAI's SDK validates each against a type that needs a finish reason.
        yield _choice(job, index, answer)
        return
    yield _delta(index, {"role": "assistant", "content": "", "refusal": None})
    for text in _PIECE.findall(answer.text):
        yield _delta(index, {"content": text})
    yield _delta(index, {}, answer.finish_reason)


def _delta(index: int, delta: Json, finish_reason: str | None = None) -> Json:
    return {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish_reason}


def _event(data: Json) -> bytes:
    return b"data: " + msgspec.json.encode(data) + b"\n\n"
