"""A contract server for Gemini's generateContent: it refuses what the real one would, and keeps what it received."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

KEY = "AIza-contract-0123456789"
MODEL = "gemini-contract-1"
_FIELDS = {"contents", "systemInstruction", "system_instruction", "tools", "toolConfig", "generationConfig",
           "safetySettings", "cachedContent", "labels"}  # fmt: skip
_PARTS = {"text", "inlineData", "inline_data", "fileData", "file_data", "functionCall", "function_call",
          "functionResponse", "function_response", "thought", "thoughtSignature"}  # fmt: skip
VECTOR = [0.5, -0.25, 1.0]
TEXT = ({"text": "Hello there."},)


@dataclass
class Reply:
    """What the model says. `cut` ends a stream before the finish reason; `counts_late` counts after it; `blocked`
    refuses the prompt."""

    parts: Sequence[dict[str, Any]] = TEXT
    finish: str = "STOP"
    prompt_tokens: int = 11
    output_tokens: int = 5
    cached: int = 0
    thoughts: int = 0
    cut: bool = False
    counts_late: bool = False
    blocked: str | None = None

    @property
    def usage(self) -> dict[str, int]:
        usage = {
            "promptTokenCount": self.prompt_tokens,
            "candidatesTokenCount": self.output_tokens,
            "totalTokenCount": self.prompt_tokens + self.output_tokens + self.thoughts,
        }
        usage |= {"cachedContentTokenCount": self.cached} if self.cached else {}
        return usage | ({"thoughtsTokenCount": self.thoughts} if self.thoughts else {})

    def answer(self, parts: Sequence[dict[str, Any]], finish: str | None) -> dict[str, Any]:
        head = {"modelVersion": MODEL, "responseId": "contract-1", "usageMetadata": self.usage}
        if self.blocked:
            return head | {"promptFeedback": {"blockReason": self.blocked}}
        candidate = {"content": {"role": "model", "parts": list(parts)}, "index": 0}
        return head | {"candidates": [candidate | ({"finishReason": finish} if finish else {})]}


@dataclass
class Failure:
    """An answer that is an error."""

    code: int
    status: str
    message: str
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class GeminiServer:
    """Answers with `reply`, or fails with `failure`."""

    url: str = ""
    reply: Reply = field(default_factory=Reply)
    failure: Failure | None = None
    received: list[dict[str, Any]] = field(default_factory=list)

    async def generate(self, request: web.Request) -> web.StreamResponse:
        if KEY not in {request.headers.get("x-goog-api-key"), request.query.get("key")}:
            return _failed(Failure(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."))
        if request.match_info["model"] != MODEL:
            return _failed(Failure(404, "NOT_FOUND", f"models/{request.match_info['model']} is not found"))
        try:
            body = await request.json()
            self.received.append(body if "requests" in body else _checked(body))
        except (ValueError, KeyError) as error:
            return _failed(Failure(400, "INVALID_ARGUMENT", f"contract: {error}"))
        if self.failure:
            return _failed(self.failure)
        if request.match_info["call"] == "batchEmbedContents":
            return web.json_response({"embeddings": [{"values": VECTOR} for _ in self.received[-1]["requests"]]})
        if request.match_info["call"] == "generateContent":
            return web.json_response(self.reply.answer(self.reply.parts, self.reply.finish))
        return await self._streamed(request)

    async def _streamed(self, request: web.Request) -> web.StreamResponse:
        if request.query.get("alt") != "sse":
            return _failed(Failure(400, "INVALID_ARGUMENT", "contract: alt=sse is missing"))
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        parts = [half for part in self.reply.parts for half in _halves(part)]
        for number, part in enumerate(parts, 1):
            last = number == len(parts) and not self.reply.cut
            data = self.reply.answer([part], self.reply.finish if last else None)
            if self.reply.counts_late:
                del data["usageMetadata"]
            await response.write(f"data: {json.dumps(data)}\r\n\r\n".encode())
        if self.reply.counts_late:
            late = {"modelVersion": MODEL, "responseId": "contract-1", "usageMetadata": self.reply.usage}
            await response.write(f"data: {json.dumps(late)}\r\n\r\n".encode())
        return response


def _halves(part: dict[str, Any]) -> list[dict[str, Any]]:
    text = part.get("text")
    return [part | {"text": text[:4]}, part | {"text": text[4:]}] if text else [part]


def _checked(body: dict[str, Any]) -> dict[str, Any]:
    if unknown := set(body) - _FIELDS:
        raise ValueError(f"Unknown name {unknown}")
    for content in body["contents"]:
        if content["role"] not in {"user", "model"}:
            raise ValueError(f"role {content['role']!r}")
        for part in content["parts"]:
            if unknown := set(part) - _PARTS:
                raise ValueError(f"Unknown name {unknown} in a part")
    for tool in body.get("tools", ()):
        for function in tool.get("functionDeclarations", tool.get("function_declarations", ())):
            _check_schema(function.get("parameters") or {"type": "object"})
    return body


def _check_schema(schema: dict[str, Any]) -> None:
    if schema["type"].lower() != "object" or "additionalProperties" in schema or "$schema" in schema:
        raise ValueError("parameters are no schema of Gemini's")


def _failed(failure: Failure) -> web.Response:
    error = {"code": failure.code, "message": failure.message, "status": failure.status}
    return web.json_response({"error": error}, status=failure.code, headers=failure.headers)


@asynccontextmanager
async def gemini_server() -> AsyncIterator[GeminiServer]:
    """A running server on a free port of loopback."""
    server = GeminiServer()
    app = web.Application()
    app.router.add_post("/v1beta/models/{model}:{call}", server.generate)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1beta"
    yield server
    await runner.cleanup()
