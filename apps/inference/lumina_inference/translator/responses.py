"""OpenAI's Responses API, stateless: nothing that was said is kept, so nothing can be referred to.

It is translated to a chat completion for every backend: those that have the API themselves are not asked through here.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, cast

import msgspec
from litellm.responses.litellm_completion_transformation.handler import LiteLLMCompletionTransformationHandler

from lumina_inference.translator.calling import DONE, Answer, Asked, event, plain
from lumina_inference.translator.chunks import Chunks
from lumina_inference.translator.fields import RESPONSES, required, wanted
from lumina_inference.translator.refusals import Refusal

_STATEFUL = ("previous_response_id", "conversation", "background", "prompt")
_TOOLS = ("function", "custom", "web_search", "web_search_preview")
_HANDLER = LiteLLMCompletionTransformationHandler()


async def responses(asked: Asked) -> Answer:
    """Answer POST /v1/responses."""
    required(asked.body, "input", (str, list))
    _refuse_state(asked)
    given = wanted(asked.body, RESPONSES, asked.target)
    _refuse_tools(given.get("tools") or [])
    arguments = {**asked.shared, "input": given.pop("input"), "responses_api_request": given}
    call: Any = _HANDLER.response_api_handler(**arguments, stream=asked.streams, _is_async=True)
    answer = await call
    if asked.streams:
        return Answer(events=_events(answer))
    return Answer(msgspec.json.encode(plain(answer)))


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


async def _events(answer: Any) -> AsyncGenerator[bytes, None]:
    async with aclosing(Chunks(answer.litellm_custom_stream_wrapper)) as chunks:
        answer.litellm_custom_stream_wrapper = await chunks.begun()
        number = 0
        async for item in answer:
            data = plain(item) | {"sequence_number": number}
            number += 1
            yield event(data, cast(str, data["type"]))
    yield DONE
