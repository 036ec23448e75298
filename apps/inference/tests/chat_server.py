"""A contract server for OpenAI's chat completions alone, as many model servers are: no Responses API."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

MODEL = "served-model"
CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Oslo"}'}}
USAGE = {"prompt_tokens": 11, "completion_tokens": 5, "total_tokens": 16, "prompt_tokens_details": {"cached_tokens": 3}}
_HEAD = {"id": "chatcmpl-1", "created": 1_700_000_000, "model": MODEL}


@dataclass
class ChatServer:
    """Answers with a text, and calls the first tool if there is one."""

    url: str = ""
    cut: bool = False
    received: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    async def chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.received.append(body)
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        if body.get("stream"):
            return await self._streamed(request, body)
        message: dict[str, Any] = {"role": "assistant", "content": "Hello there."}
        message |= {"tool_calls": [CALL]} if body.get("tools") else {}
        choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if body.get("tools") else "stop"}
        return web.json_response(_HEAD | {"object": "chat.completion", "choices": [choice], "usage": USAGE})

    async def _streamed(self, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        deltas: list[dict[str, Any]] = [{"role": "assistant", "content": "Hello"}, {"content": " there."}]
        if body.get("tools"):
            deltas.append({"tool_calls": [{"index": 0, **CALL}]})
        for delta in deltas:
            await _send(response, [{"index": 0, "delta": delta, "finish_reason": None}])
        if not self.cut:
            finish = "tool_calls" if body.get("tools") else "stop"
            await _send(response, [{"index": 0, "delta": {}, "finish_reason": finish}])
            await _send(response, [], usage=USAGE)
            await response.write(b"data: [DONE]\n\n")
        return response


async def _send(response: web.StreamResponse, choices: list[dict[str, Any]], **more: Any) -> None:
    chunk = _HEAD | {"object": "chat.completion.chunk", "choices": choices, **more}
    await response.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")


@asynccontextmanager
async def chat_server(socket: str | None = None) -> AsyncIterator[ChatServer]:
    """A running server on a free port of loopback, or on a unix socket."""
    server = ChatServer()
    app = web.Application()
    app.router.add_post("/v1/chat/completions", server.chat)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.UnixSite(runner, socket) if socket else web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = "" if socket else f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    yield server
    await runner.cleanup()
