"""From an error of the library to what the caller gets: the provider's status, its message, and nothing secret."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import litellm
import msgspec
import openai

from lumina_inference.translator.refusals import Refusal
from lumina_inference.translator.target import Target

_PREFIX = re.compile(r"^(?:litellm\.)?\w*(?:Error|Exception|Timeout): ")
_SPEAKER = re.compile(r"^(?:litellm\.)?\w*(?:Error|Exception)(?: -|:) ?")
# What the library adds for its own users: advice about its own settings, tracebacks, the request itself.
_ADVICE = re.compile(
    r"\s*(?:Handle with `litellm|To drop these, set|\nTraceback|\nReceived Messages|This looks like a bug)"
)
_CODES = {
    401: "invalid_api_key",
    403: "permission_denied",
    404: "model_not_found",
    413: "request_too_large",
    429: "rate_limit_exceeded",
    529: "overloaded",
}
_KEPT_HEADERS = ("retry-after", "retry-after-ms", "x-should-retry")
_LONGEST = 2_000


def refusal_of(error: BaseException, target: Target) -> Refusal:
    """The failed call as an error for its caller."""
    if isinstance(error, Refusal):
        return error
    causes = list(_causes(error))
    status = _status(error, causes)
    message = target.redacted(_message(error, status))[:_LONGEST]
    given = _headers(causes)
    headers = {name: given[name] for name in _KEPT_HEADERS if given.get(name)}
    return Refusal(message, status=status, code=_code(error, causes, status), headers=headers)


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        yield following
        following = following.__cause__ or following.__context__


def _timed_out(error: BaseException, causes: list[BaseException]) -> bool:
    kinds = (httpx.TimeoutException, openai.APITimeoutError, TimeoutError)
    return isinstance(error, litellm.Timeout) or any(isinstance(cause, kinds) for cause in causes)


def _unreached(causes: list[BaseException]) -> bool:
    return any(isinstance(cause, (httpx.TransportError, ConnectionError)) for cause in causes)


def _status(error: BaseException, causes: list[BaseException]) -> int:
    if _timed_out(error, causes):
        return 504
    if _unreached(causes):
        return 502
    if isinstance(error, litellm.AuthenticationError):
        return 401  # Gemini says 400
    # The library folds some statuses into others (529 becomes 500): the first cause has what the provider sent.
    for cause in reversed(causes):
        status = getattr(cause, "status_code", None)
        if isinstance(status, int) and 400 <= status < 600:
            return status
    return 502


def _code(error: BaseException, causes: list[BaseException], status: int) -> str:
    if isinstance(error, litellm.ContextWindowExceededError):
        return "context_length_exceeded"
    if isinstance(error, litellm.ContentPolicyViolationError):
        return "content_policy_violation"
    if isinstance(error, litellm.UnsupportedParamsError):
        return "unsupported_parameter"
    if _timed_out(error, causes):
        return "provider_timeout"
    if _unreached(causes):
        return "provider_unreachable"
    return _CODES.get(status, "provider_error" if status >= 500 else "invalid_request")


def _headers(causes: list[BaseException]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for cause in causes:
        for holder in (getattr(cause, "response", None), cause):
            headers = getattr(holder, "headers", None)
            if isinstance(headers, Mapping):
                found |= {str(name).lower(): str(value) for name, value in headers.items()}
    return found


def _message(error: BaseException, status: int) -> str:
    if status == 504:
        return "The provider did not answer in time."
    if isinstance(error, litellm.ImageFetchError):
        return (
            "An image cannot be fetched from its address: it is away, or not public. Send it as a data: URL; an admin "
            "can allow hosts with LUMINA_INFERENCE_TRANSLATOR_IMAGE_HOSTS."
        )
    text = _ADVICE.split(str(getattr(error, "message", "") or error), maxsplit=1)[0].strip()
    if isinstance(error, litellm.UnsupportedParamsError):
        text += " Set drop_params: true in the model's litellm_params to have such fields dropped."
    while (shorter := _SPEAKER.sub("", _PREFIX.sub("", text))) != text:
        text = shorter
    return _inner(text) or "The provider failed without saying why."


def _inner(text: str) -> str:
    """The message inside a provider's JSON error, or the text as it is."""
    start = text.find("{")
    try:
        data: Any = msgspec.json.decode(text[start : text.rfind("}") + 1]) if start >= 0 else None
    except msgspec.DecodeError:
        return text
    inner = data.get("error") if isinstance(data, dict) else None
    if isinstance(inner, dict) and isinstance(inner.get("message"), str):
        return str(inner["message"])
    return text
