"""A contract server for Anthropic's Messages API: it refuses what the real one would, and keeps what it received."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

KEY = "sk-ant-contract-0123456789"
MODEL = "claude-contract-1"
_FIELDS = {"model", "messages", "max_tokens", "system", "stream", "temperature", "top_p", "top_k", "stop_sequences",
           "tools", "tool_choice", "metadata", "thinking", "output_format", "output_config"}  # fmt: skip
_SOURCES = {"base64": {"media_type", "data"}, "url": {"url"}}


@dataclass
class Failure:
    """An answer that is an error."""

    status: int
    kind: str
    message: str
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Reply:
    """What the model says. `cut` ends a stream before its last events; `fails` puts an error into it.

    Without blocks the error comes first of all.
    """

    blocks: Sequence[dict[str, Any]] = ({"type": "text", "text": "Hello there."},)
    stop_reason: str = "end_turn"
    stop_sequence: str | None = None
    input_tokens: int = 11
    output_tokens: int = 5
    cache_read: int = 0
    cut: bool = False
    fails: str | None = None
    waits: bool = False

    @property
    def usage(self) -> dict[str, int]:
        return {
            "input_tokens": self.input_tokens,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": self.cache_read,
            "output_tokens": self.output_tokens,
        }

    def message(self, **changes: Any) -> dict[str, Any]:
        return {
            "id": "msg_01contract",
            "type": "message",
            "role": "assistant",
            "model": MODEL,
            "content": list(self.blocks),
            "stop_reason": self.stop_reason,
            "stop_sequence": self.stop_sequence,
            "usage": self.usage,
        } | changes


@dataclass
class AnthropicServer:
    """Answers with `reply`, or fails with `failure`."""

    url: str = ""
    reply: Reply = field(default_factory=Reply)
    failure: Failure | None = None
    received: list[dict[str, Any]] = field(default_factory=list)
    beta: str | None = None
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)

    def does(self, reply: Reply | None = None, failure: Failure | None = None) -> None:
        """From now on, with nothing received."""
        self.reply, self.failure = reply or Reply(), failure
        self.received.clear()

    async def messages(self, request: web.Request) -> web.StreamResponse:
        try:
            body = _checked(request, await request.json())
        except (ValueError, KeyError) as error:
            return _failed(Failure(400, "invalid_request_error", f"contract: {error}"))
        self.received.append(body)
        self.beta = request.headers.get("anthropic-beta")
        self.asked.set()
        if request.headers.get("x-api-key") != KEY:
            return _failed(Failure(401, "authentication_error", f"invalid x-api-key {request.headers['x-api-key']}"))
        if self.failure:
            return _failed(self.failure)
        if self.reply.waits and not body.get("stream"):
            await self._wait()
        if body.get("stream"):
            return await self._streamed(request)
        return web.json_response(self.reply.message())

    async def _streamed(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        try:
            for event in _events(self.reply):
                await response.write(f"event: {event['type']}\ndata: {_written(event)}\n\n".encode())
            if self.reply.waits:
                await self._wait()
        finally:
            self.left.set()
        return response

    async def _wait(self) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            self.left.set()


def _checked(request: web.Request, body: dict[str, Any]) -> dict[str, Any]:
    if request.headers.get("anthropic-version") != "2023-06-01":
        raise ValueError("anthropic-version is missing")
    if unknown := set(body) - _FIELDS:
        raise ValueError(f"{unknown}: Extra inputs are not permitted")
    if not isinstance(body["max_tokens"], int) or not body["messages"]:
        raise ValueError("max_tokens and messages are required")
    for message in body["messages"]:
        if message["role"] not in {"user", "assistant"}:
            raise ValueError(f"role {message['role']!r}")
        for block in message["content"] if isinstance(message["content"], list) else ():
            _check_block(block)
    for tool in body.get("tools", ()):
        if tool["input_schema"]["type"] != "object":
            raise ValueError("tools need an input_schema")
    return body


def _check_block(block: dict[str, Any]) -> None:
    wanted = {
        "text": {"text"},
        "image": {"source"},
        "tool_use": {"id", "name", "input"},
        "tool_result": {"tool_use_id"},
    }
    if missing := wanted[block["type"]] - set(block):
        raise ValueError(f"{block['type']} lacks {missing}")
    if block["type"] == "image" and not _SOURCES[block["source"]["type"]] <= set(block["source"]):
        raise ValueError("image source is incomplete")


def _events(reply: Reply) -> list[dict[str, Any]]:
    start = reply.message(content=[], stop_reason=None, usage=reply.usage | {"output_tokens": 1})
    failed = {"type": "error", "error": {"type": reply.fails, "message": "Overloaded"}}
    if reply.fails and not reply.blocks:
        return [failed]
    events: list[dict[str, Any]] = [{"type": "message_start", "message": start}, {"type": "ping"}]
    for index, block in enumerate(reply.blocks):
        events += _block_events(index, block)
    if reply.fails:
        return [*events, failed]
    if reply.cut or reply.waits:
        return events
    delta = {"stop_reason": reply.stop_reason, "stop_sequence": reply.stop_sequence}
    return [*events, {"type": "message_delta", "delta": delta, "usage": {"output_tokens": reply.output_tokens}},
            {"type": "message_stop"}]  # fmt: skip


def _block_events(index: int, block: dict[str, Any]) -> list[dict[str, Any]]:
    if block["type"] == "text":
        empty, text = {"type": "text", "text": ""}, block["text"]
        deltas = [{"type": "text_delta", "text": part} for part in (text[:4], text[4:])]
    elif block["type"] == "thinking":
        empty = {"type": "thinking", "thinking": "", "signature": ""}
        deltas = [{"type": "thinking_delta", "thinking": block["thinking"]},
                  {"type": "signature_delta", "signature": block["signature"]}]  # fmt: skip
    else:
        empty, text = block | {"input": {}}, json.dumps(block["input"])
        deltas = [{"type": "input_json_delta", "partial_json": part} for part in ("", text[:5], text[5:])]
    return [
        {"type": "content_block_start", "index": index, "content_block": empty},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def _written(event: dict[str, Any]) -> str:
    return json.dumps(event, ensure_ascii=False)  # as the real one writes


def _failed(failure: Failure) -> web.Response:
    body = {"type": "error", "error": {"type": failure.kind, "message": failure.message}, "request_id": "req_1"}
    return web.json_response(body, status=failure.status, headers=failure.headers)


@asynccontextmanager
async def anthropic_server() -> AsyncIterator[AnthropicServer]:
    """A running server on a free port of loopback."""
    server = AnthropicServer()
    app = web.Application()
    app.router.add_post("/v1/messages", server.messages)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield server
    await runner.cleanup()
