"""What an OpenAI-compatible provider says, and what the drills ask: one short chat, plain or as a stream."""

import json

SENTENCE = "The gateway passes every answer on as it came , event by event , and notes who asked it for what"
WORDS = SENTENCE.split()
PROMPT_TOKENS = 31


def request(key: str, model: str, *, stream: bool, **more: object) -> bytes:
    """A whole HTTP request."""
    messages = [
        {"role": "system", "content": "You are a helpful assistant."},
        {"role": "user", "content": "Tell me in one sentence what a gateway for language models does."},
    ]
    body = json.dumps({"model": model, "messages": messages, "stream": stream} | more).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: drill\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def words(count: int) -> list[str]:
    """The answer's words, one for each token."""
    return [WORDS[place % len(WORDS)] for place in range(count)]


def plain(tokens: int) -> bytes:
    """A chat completion."""
    message = {"role": "assistant", "content": " ".join(words(tokens))}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return json.dumps(_answer("chat.completion") | {"choices": [choice], "usage": usage(tokens)}).encode()


def events(tokens: int) -> list[bytes]:
    """The same as a stream: one event for each token, then the finish, the usage, and the end."""
    parts = [_event({"content": f"{' ' if place else ''}{word}"}) for place, word in enumerate(words(tokens))]
    last = _answer("chat.completion.chunk") | {"choices": [], "usage": usage(tokens)}
    return [*parts, _event({}, "stop"), _framed(last), b"data: [DONE]\n\n"]


def usage(tokens: int) -> dict[str, int]:
    return {"prompt_tokens": PROMPT_TOKENS, "completion_tokens": tokens, "total_tokens": PROMPT_TOKENS + tokens}


def content(body: bytes) -> str:
    """The text of a chat completion or of a whole stream."""
    if not body.startswith(b"data:"):
        return str(json.loads(body)["choices"][0]["message"]["content"])
    found = [json.loads(line[5:]) for line in body.split(b"\n") if line.startswith(b"data:") and b"[DONE]" not in line]
    deltas = [choice["delta"] for event in found for choice in event.get("choices", ())]
    return "".join(delta.get("content") or "" for delta in deltas)


def _event(delta: dict[str, str], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return _framed(_answer("chat.completion.chunk") | {"choices": [choice]})


def _framed(event: dict[str, object]) -> bytes:
    return b"data: " + json.dumps(event).encode() + b"\n\n"


def _answer(kind: str) -> dict[str, object]:
    return {"id": "chatcmpl-stub", "object": kind, "created": 1700000000, "model": "stub"}
