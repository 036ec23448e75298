"""Anthropic's Messages API on a provider that has it: the request goes on as it is, and the answer comes back so."""

import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import httpx
import litellm
import msgspec
from litellm.llms.anthropic.common_utils import AnthropicError
from litellm.llms.anthropic.pass_through.messages.transformation import AnthropicMessagesConfig

from lumina_inference.translator.calling import BETA, Answer, Asked
from lumina_inference.translator.closing import to_the_end
from lumina_inference.translator.refusals import ANTHROPIC_TYPES, Refusal
from lumina_inference.translator.target import Target

_PROVIDER = "anthropic"
_VERSION = "2023-06-01"
_CONFIG = AnthropicMessagesConfig()
_DEFAULTS = ("temperature", "top_p", "top_k", "thinking")
_KIND = re.compile(rb"event: ?(\w+)")
_STATUSES = {kind: status for status, kind in ANTHROPIC_TYPES.items()}


def speaks_messages(target: Target) -> bool:
    """Whether the target is Anthropic's own API, or a server that speaks it."""
    return target.socket is None and _resolved(target)[1] == _PROVIDER


async def messages(asked: Asked) -> Answer:
    """Send the request on."""
    response = await asked.http.send(_request(asked), stream=True)
    try:
        if response.status_code >= 400:
            raise await _failure(response, asked.target)
        if not asked.streams:
            return Answer(await response.aread())
    except BaseException:
        await to_the_end(response.aclose())
        raise
    return Answer(events=_events(response, asked))


def _timeout(asked: Asked) -> httpx.Timeout:
    seconds = asked.shared.get("timeout")
    return httpx.Timeout(float(seconds) if isinstance(seconds, (int, float, str)) else None)


def _resolved(target: Target) -> tuple[str, str]:
    model, provider, *_ = litellm.get_llm_provider(
        target.model,
        custom_llm_provider=target.options.get("custom_llm_provider"),
        api_base=target.options.get("api_base"),
        api_key=target.options.get("api_key"),
    )
    return model, provider


def _request(asked: Asked) -> httpx.Request:
    options = asked.target.options
    model, _ = _resolved(asked.target)
    defaults = {name: options[name] for name in _DEFAULTS if name in options}
    body: dict[str, Any] = {**defaults, **asked.body, "model": model}
    own = {str(name): str(value) for name, value in (options.get("extra_headers") or {}).items()}
    asked_for = {BETA: asked.beta} if asked.beta else {}
    headers, _ = _CONFIG.validate_anthropic_messages_environment(
        {"anthropic-version": _VERSION, **asked_for, **own}, model, body["messages"], body, {}, options.get("api_key")
    )
    url = _CONFIG.get_complete_url(options.get("api_base"), options.get("api_key"), model, body, {})
    return asked.http.build_request("POST", url, headers=headers, json=body, timeout=_timeout(asked))


async def _failure(response: httpx.Response, target: Target) -> BaseException:
    """The library's own error for this answer: it knows which messages mean what."""
    text = (await response.aread()).decode(errors="replace")
    error: BaseException = AnthropicError(status_code=response.status_code, message=text, headers=response.headers)
    try:
        litellm.exception_type(model=target.model, original_exception=error, custom_llm_provider=_PROVIDER)
    except Exception as mapped:  # noqa: BLE001  # it answers by raising
        mapped.__cause__ = error
        return mapped
    return error


async def _events(response: httpx.Response, asked: Asked) -> AsyncGenerator[bytes, None]:
    ended, sent = False, False
    try:
        async with aclosing(_split(response)) as events:
            async for event in events:
                named = _KIND.match(event)
                kind = named[1] if named else b""
                if not sent and kind == b"error":
                    raise await _failure(_as_answer(event), asked.target)
                ended = ended or kind in (b"message_stop", b"error")
                sent = True
                yield event
    finally:
        await to_the_end(response.aclose())
    if not ended:
        raise Refusal("The provider's stream ended before the answer did.", status=502, code="stream_cut")


def _as_answer(event: bytes) -> httpx.Response:
    """An error in place of the first event, as the provider would have answered with it a moment earlier."""
    text = event.partition(b"data:")[2].strip()
    try:
        kind = msgspec.json.decode(text)["error"]["type"]
    except (msgspec.DecodeError, LookupError, TypeError):
        kind = ""
    return httpx.Response(_STATUSES.get(str(kind), 502), content=text)


async def _split(response: httpx.Response) -> AsyncGenerator[bytes, None]:
    """Whole events only: what is cut in the middle of one is left out."""
    lines: list[str] = []
    async for line in response.aiter_lines():
        if line:
            lines.append(line)
        elif lines:
            yield ("\n".join(lines) + "\n\n").encode()
            lines.clear()
