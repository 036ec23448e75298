"""What a backend says when it refuses, in the shape that OpenAI's clients expect."""

import re
from collections.abc import Mapping

from msgspec import DecodeError, Raw, Struct, ValidationError, json

from lumina_inference.gateway.errors import (
    ApiError,
    BackendAnsweredError,
    BackendFailed,
    CredentialsRefused,
    ErrorDetail,
    PermissionRefused,
)
from lumina_inference.gateway.index import Target

_MAX_MESSAGE = 4000
_MIN_SECRET = 4
_TOO_LONG = re.compile(
    r"context ?(length|window|size)|exceed_context_size|maximum.{0,20}context|too many tokens|prompt is too long",
    re.IGNORECASE,
)
_UNWANTED = "litellm.ContentPolicyViolationError"  # LiteLLM's proxy gives the status as the code
_TYPES = {404: "not_found_error", 429: "rate_limit_error"}
_CODES = {429: "rate_limit_exceeded"}


class _Fields(Struct, frozen=True):
    message: str | None = None
    type: str | None = None
    param: str | None = None
    code: str | int | None = None


class _Body(_Fields, frozen=True):
    """OpenAI's shape, vLLM's flat one, and FastAPI's `detail`."""

    error: Raw = Raw(b"null")
    detail: Raw = Raw(b"null")


def refusal(target: Target, status: int, body: bytes, headers: Mapping[str, str]) -> ApiError:
    """The error for an answer whose status is not 2xx."""
    if status < 400 or status > 599:
        return BackendFailed(f"{target.name} answered with status {status}, which is no answer.")
    if status in {401, 403}:
        # Its words may hold parts of the key, and speak of a credential that the caller never sent.
        message = f"{target.name} refused the gateway's own credentials, with status {status}."
        return CredentialsRefused(message) if status == 401 else PermissionRefused(message)
    return BackendAnsweredError(status, _detail(target, status, body), headers)


def refusal_in_stream(target: Target, event: bytes) -> ApiError:
    """The error for an event that holds one; its status matters only before the first byte."""
    detail = _detail(target, 502, event)
    status = int(detail.code) if detail.code and re.fullmatch("[45][0-9]{2}", detail.code) else 502
    return BackendAnsweredError(status, detail, {})


def _detail(target: Target, status: int, body: bytes) -> ErrorDetail:
    fields = _read(body)
    message = fields.message or f"{target.name} answered with status {status}."
    code = str(fields.code) if fields.code is not None else _CODES.get(status)
    if status == 400 and _TOO_LONG.search(f"{message} {fields.type} {code}"):
        code = "context_length_exceeded"
    elif status == 400 and message.startswith(_UNWANTED):
        code = "content_policy_violation"
    fallback = _TYPES.get(status, "invalid_request_error" if status < 500 else "api_error")
    return ErrorDetail(
        message=_redacted(target, message)[:_MAX_MESSAGE],
        type=_redacted(target, fields.type or fallback),
        param=fields.param and _redacted(target, fields.param),
        code=code and _redacted(target, code),
    )


def _read(body: bytes) -> _Fields:
    try:
        whole = json.decode(body, type=_Body)
    except (DecodeError, UnicodeDecodeError, RecursionError):
        return _Fields(message=body.decode("utf-8", "replace").strip() or None)
    for inner in (whole.error, whole.detail):
        if bytes(inner) != b"null":
            return _inner(inner)
    return whole


def _inner(raw: Raw) -> _Fields:
    try:
        return json.decode(raw, type=_Fields)
    except (ValidationError, DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        return _Fields(message=json.decode(raw, type=str))
    except (ValidationError, DecodeError, UnicodeDecodeError, RecursionError):
        return _Fields(message=bytes(raw).decode("utf-8", "replace"))


def _redacted(target: Target, text: str) -> str:
    for secret in target.secrets:
        if len(secret) >= _MIN_SECRET:
            text = text.replace(secret, "***")
    return text
