"""OpenAI's Responses API, stateless: nothing that was said is kept, so nothing can be referred to.

It is translated to a chat completion for every backend: those that have the API themselves are not asked through here.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, cast

import msgspec
from litellm.responses.litellm_completion_transformation.handler import LiteLLMCompletionTransformationHandler

from lumina_inference.translator.addresses import check_addresses
from lumina_inference.translator.calling import DONE, Answer, Asked, event, plain
from lumina_inference.translator.chunks import Chunks
from lumina_inference.translator.fields import RESPONSES, required, wanted
from lumina_inference.translator.refusals import Refusal
from lumina_inference.translator.shapes import check_objects

_STATEFUL = ("previous_response_id", "conversation", "background", "prompt")
_TOOLS = ("function", "custom", "web_search", "web_search_preview")
_WITH_LOGPROBS = ("response.output_text.delta", "response.output_text.done")
_FUNCTION_BEGINS, _FUNCTION_ENDS = "response.output_item.added", "response.function_call_arguments.done"
_HANDLER = LiteLLMCompletionTransformationHandler()


async def responses(asked: Asked) -> Answer:
    """Answer POST /v1/responses."""
    required(asked.body, "input", (str, list))
    check_objects(asked.body["input"], "input")
    check_addresses(asked.body["input"])
    _refuse_state(asked)
    given = wanted(asked.body, RESPONSES, asked.target)
    _refuse_tools(given.get("tools") or [])
    arguments = {**asked.shared, "input": given.pop("input"), "responses_api_request": given}
    call: Any = _HANDLER.response_api_handler(**arguments, stream=asked.streams, _is_async=True)
    answer = await call
    if asked.streams:
        return Answer(events=_events(answer, asked))
    whole = plain(answer)
    return Answer(msgspec.json.encode(_corrected(whole, asked, whole["model"], _id(whole["id"]))))


def _refuse_state(asked: Asked) -> None:
    for name in _STATEFUL:
        if asked.body.get(name):
            raise Refusal(
                f"{name!r} is not supported: answers are not kept here. Send the whole conversation in 'input'.",
                param=name,
                code="unsupported_parameter",
            )


def _refuse_tools(tools: list[Any]) -> None:
    for tool in tools:
        kind = tool.get("type") if isinstance(tool, dict) else None
        if kind not in _TOOLS:
            known = ", ".join(_TOOLS)
            raise Refusal(
                f"A tool of type {str(kind)[:100]!r} cannot be translated; these can: {known}.",
                param="tools",
                code="unsupported_parameter",
            )


async def _events(answer: Any, asked: Asked) -> AsyncGenerator[bytes, None]:
    async with aclosing(Chunks(answer.litellm_custom_stream_wrapper)) as chunks:
        answer.litellm_custom_stream_wrapper = first = await chunks.begun()
        model, own, number = first.model_name, _id(first.chat_id), 0
        functions: dict[str, str] = {}
        async for item in answer:
            data = _whole(plain(item), functions) | {"sequence_number": number}
            if "response" in data:
                data["response"] = _corrected(data["response"], asked, model, own)
            number += 1
            yield event(data, cast(str, data["type"]))
    yield DONE


def _whole(data: dict[str, Any], functions: dict[str, str]) -> dict[str, Any]:
    """An event with the fields that the library leaves out. `functions` collects their names, by the item's id."""
    if data["type"] in _WITH_LOGPROBS:
        return {"logprobs": [], **data}
    if data["type"] == _FUNCTION_BEGINS and data["item"].get("type") == "function_call":
        functions[data["item"]["id"]] = data["item"]["name"]
    if data["type"] == _FUNCTION_ENDS:
        return {"name": functions.get(data["item_id"], ""), **data}
    return data


def _id(chat_id: str) -> str:
    return f"resp_{chat_id.removeprefix('chatcmpl-')}"


def _corrected(response: dict[str, Any], asked: Asked, model: str, own: str) -> dict[str, Any]:
    """The library names itself and the backend in ids, and some events of a stream contradict others."""
    parallel = asked.body.get("parallel_tool_calls")
    return response | {
        "id": own,
        "model": model,
        "store": False,
        "parallel_tool_calls": parallel if isinstance(parallel, bool) else True,
        "tools": asked.body.get("tools") or [],
        "usage": _detailed(response.get("usage")),
    }


def _detailed(usage: dict[str, Any] | None) -> dict[str, Any] | None:
    """OpenAI's SDKs need the details also where a backend gives none."""
    if usage is None:
        return None
    read = {"cached_tokens": 0, "cache_write_tokens": 0} | _known(usage.get("input_tokens_details"))
    thought = {"reasoning_tokens": 0} | _known(usage.get("output_tokens_details"))
    return usage | {"input_tokens_details": read, "output_tokens_details": thought}


def _known(details: dict[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (details or {}).items() if value is not None}
