"""Anthropic's Messages API: sent on as it is where the provider speaks it, translated elsewhere."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import litellm
import msgspec
from litellm.llms.anthropic.pass_through.adapters.streaming_iterator import AnthropicStreamWrapper
from litellm.llms.anthropic.pass_through.adapters.transformation import AnthropicAdapter

from lumina_inference.translator import native
from lumina_inference.translator.addresses import check_addresses
from lumina_inference.translator.calling import Answer, Asked, event, plain
from lumina_inference.translator.chunks import Chunks
from lumina_inference.translator.fields import MESSAGES, required, wanted

_ADAPTER = AnthropicAdapter()


async def messages(asked: Asked) -> Answer:
    """Answer POST /v1/messages."""
    required(asked.body, "messages", list)
    check_addresses(asked.body["messages"])
    required(asked.body, "max_tokens", int)
    if native.speaks_messages(asked.target):
        return await native.messages(asked)
    given = wanted(asked.body, MESSAGES, asked.target)
    # Names of tools may be longer at Anthropic than at OpenAI: `names` leads back from what was cut.
    request, names = _ADAPTER.translate_completion_input_params_with_tool_mapping(
        {"model": asked.target.model, **given}
    )
    arguments = {**asked.shared, **(request or {})}
    if asked.streams:
        stream = await litellm.acompletion(**arguments, stream=True, stream_options={"include_usage": True})
        return Answer(events=_events(Chunks(stream), names))
    answer: Any = await litellm.acompletion(**arguments)
    return Answer(msgspec.json.encode(plain(_ADAPTER.translate_completion_output_params(answer, names))))


async def _events(stream: Chunks, names: dict[str, str]) -> AsyncGenerator[bytes, None]:
    async with aclosing(stream) as chunks:
        first = await chunks.begun()
        async for data in AnthropicStreamWrapper(first, model=first.model_name, tool_name_mapping=names):
            yield event(data, str(data["type"]))
