"""A contract server for OpenAI's API: chat with tools and schemas, embeddings, responses; it answers what is asked."""

import base64
import json
import struct
from collections.abc import Iterator
from typing import Any

from aiohttp import web

from apps.inference.tests.gateway_world import Answerer, chat_body, chunk

VECTOR = [0.5, 0.25, -1.0]
COUNTED = {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}
_CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Oslo"}'}}
_PARTS = ('{"ci', 'ty": "Os', 'lo"}')
_CITY = '{"city": "Oslo"}'
_TEXT = {"type": "output_text", "text": "Hello there.", "annotations": [], "logprobs": []}
_MESSAGE = {"id": "msg_1", "type": "message", "status": "completed", "role": "assistant", "content": [_TEXT]}
_FUNCTION = {"id": "fc_1", "type": "function_call", "status": "completed", "call_id": "call_1", "name": "weather"}
_RESPONSE: dict[str, Any] = {
    "id": "resp_native", "object": "response", "created_at": 1_700_000_000, "status": "completed", "error": None,
    "incomplete_details": None, "instructions": None, "metadata": {}, "model": "served-model-1",
    "output": [_MESSAGE], "parallel_tool_calls": True, "temperature": 1.0, "tool_choice": "auto", "tools": [],
    "top_p": 1.0, "usage": {
        "input_tokens": 11, "output_tokens": 5, "total_tokens": 16,
        "input_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 0},
        "output_tokens_details": {"reasoning_tokens": 0},
    },
}  # fmt: skip


async def openai_api(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
    """Everything, `/v1/responses` included."""
    if request.path == "/v1/responses":
        answer = _response(body)
        return await _streamed(request, _response_events(answer)) if body.get("stream") else web.json_response(answer)
    return await chat_api(request, body)


async def chat_api(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
    """Chat and embeddings, as most model servers have them."""
    if request.path == "/v1/embeddings":
        return web.json_response(_embeddings(body))
    if request.path != "/v1/chat/completions":
        return web.json_response({"error": {"message": "no such path", "type": "not_found"}}, status=404)
    if body.get("stream"):
        return await _streamed(request, _chunks(body))
    message: dict[str, Any] = {"role": "assistant", "content": _content(body), "refusal": None}
    message |= {"content": None, "tool_calls": [_CALL]} if _calls(body) else {}
    choice = {"index": 0, "message": message, "finish_reason": _reason(body), "logprobs": None}
    return web.json_response(chat_body(choices=[choice]))


def failing(
    status: int, kind: str = "api_error", code: str | None = None, message: str = "no", **headers: str
) -> Answerer:
    """A provider that answers every request with this error. `_` in a header's name stands for `-`."""

    async def answer(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        error = {"message": message, "type": kind, "param": None, "code": code}
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.json_response({"error": error}, status=status, headers=sent)

    return answer


def _calls(body: dict[str, Any]) -> bool:
    return bool(body.get("tools")) and body["messages"][-1]["role"] != "tool"


def _content(body: dict[str, Any]) -> str:
    return _CITY if body.get("response_format", {}).get("type") == "json_schema" else "hello"


def _reason(body: dict[str, Any]) -> str:
    return "tool_calls" if _calls(body) else "stop"


def _chunks(body: dict[str, Any]) -> Iterator[bytes]:
    yield chunk({"role": "assistant", "content": None if _calls(body) else ""})
    if _calls(body):
        function = {"name": "weather", "arguments": ""}
        yield chunk({"tool_calls": [{"index": 0, "id": "call_1", "type": "function", "function": function}]})
        for part in _PARTS:
            yield chunk({"tool_calls": [{"index": 0, "function": {"arguments": part}}]})
    else:
        content = _content(body)
        yield chunk({"content": content[:3]})
        yield chunk({"content": content[3:]})
    yield chunk({}, finish=_reason(body))
    if body.get("stream_options", {}).get("include_usage"):
        yield chunk(None, usage=COUNTED)
    yield b"data: [DONE]\n\n"


def _embeddings(body: dict[str, Any]) -> dict[str, Any]:
    vector: Any = VECTOR
    if body.get("encoding_format") == "base64":
        vector = base64.b64encode(struct.pack(f"<{len(VECTOR)}f", *VECTOR)).decode()
    texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
    data = [{"object": "embedding", "index": index, "embedding": vector} for index, _ in enumerate(texts)]
    return {"object": "list", "data": data, "model": "e", "usage": {"prompt_tokens": 4, "total_tokens": 4}}


def _response(body: dict[str, Any]) -> dict[str, Any]:
    if body.get("tools"):
        return _RESPONSE | {"output": [_FUNCTION | {"arguments": _CITY}], "tools": body["tools"]}
    if body.get("text", {}).get("format", {}).get("type") == "json_schema":
        return _RESPONSE | {"output": [_MESSAGE | {"content": [_TEXT | {"text": _CITY}]}]}
    return _RESPONSE


def _response_events(answer: dict[str, Any]) -> Iterator[bytes]:
    begun = answer | {"status": "in_progress", "output": [], "usage": None}
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
        *(_function_events() if answer["tools"] else _message_events()),
        {"type": "response.completed", "response": answer},
    ]
    for number, event in enumerate(events):
        yield f"event: {event['type']}\ndata: {json.dumps(event | {'sequence_number': number})}\n\n".encode()


def _function_events() -> Iterator[dict[str, Any]]:
    begun = _FUNCTION | {"status": "in_progress", "arguments": ""}
    place = {"item_id": "fc_1", "output_index": 0}
    yield {"type": "response.output_item.added", "output_index": 0, "item": begun}
    for part in _PARTS:
        yield {"type": "response.function_call_arguments.delta", **place, "delta": part}
    yield {"type": "response.function_call_arguments.done", **place, "name": "weather", "arguments": _CITY}
    yield {"type": "response.output_item.done", "output_index": 0, "item": _FUNCTION | {"arguments": _CITY}}


def _message_events() -> Iterator[dict[str, Any]]:
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    empty = _MESSAGE | {"status": "in_progress", "content": []}
    yield {"type": "response.output_item.added", "output_index": 0, "item": empty}
    yield {"type": "response.content_part.added", **place, "part": _TEXT | {"text": ""}}
    for part in ("Hello", " there."):
        yield {"type": "response.output_text.delta", **place, "delta": part, "logprobs": []}
    yield {"type": "response.output_text.done", **place, "text": "Hello there.", "logprobs": []}
    yield {"type": "response.content_part.done", **place, "part": _TEXT}
    yield {"type": "response.output_item.done", "output_index": 0, "item": _MESSAGE}


async def _streamed(request: web.Request, events: Iterator[bytes]) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for event in events:
        await response.write(event)
    return response
