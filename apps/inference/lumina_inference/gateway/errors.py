"""Failures as OpenAI's clients expect them: a status and `{"error": {message, type, param, code}}`."""

from collections.abc import Mapping
from typing import ClassVar

from msgspec import Struct, json

_KNOWN_CODES = frozenset({"context_length_exceeded", "insufficient_quota", "rate_limit_exceeded"})


class ErrorDetail(Struct, frozen=True, kw_only=True):
    """The inside of an error body."""

    message: str
    type: str
    param: str | None = None
    code: str | None = None


class ApiError(Exception):
    """An error that the caller is told. Leaves fix the status, type and code."""

    status: ClassVar[int] = 500
    type: ClassVar[str] = "api_error"
    code: ClassVar[str | None] = "internal_error"

    def __init__(self, message: str, *, param: str | None = None, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.headers = headers or {}

    @property
    def http_status(self) -> int:
        return self.status

    @property
    def detail(self) -> ErrorDetail:
        return ErrorDetail(message=self.message, type=self.type, param=self.param, code=self.code)

    @property
    def kind(self) -> str:
        """What spans, metrics and the log call it: one of a few words of our own."""
        return self.code or self.type

    @property
    def body(self) -> bytes:
        return error_body(self.detail)


def error_body(detail: ErrorDetail) -> bytes:
    """The JSON body, also used in the band of a stream."""
    return json.encode({"error": detail})


class BadRequest(ApiError):
    status = 400
    type = "invalid_request_error"
    code: ClassVar[str | None] = None


class BadJson(BadRequest):
    code = "invalid_json"


class BadHttp(BadRequest):
    code = "bad_http"


class MissingParameter(BadRequest):
    code = "missing_required_parameter"


class TooManyMessages(BadRequest):
    code = "array_above_max_length"


class InvalidKey(BadRequest):
    status = 401
    code = "invalid_api_key"


class ScopeMissing(BadRequest):
    status = 403
    code = "insufficient_permissions"


class ModelNotFound(BadRequest):
    status = 404
    code = "model_not_found"


class UnknownPath(BadRequest):
    status = 404
    code = "unknown_url"


class MethodNotAllowed(BadRequest):
    status = 405
    code = "method_not_allowed"


class SlowRequest(BadRequest):
    status = 408
    code = "request_timeout"


class BodyTooLarge(BadRequest):
    status = 413
    code = "request_too_large"


class UnsupportedMedia(BadRequest):
    status = 415
    code = "unsupported_media_type"


class HeadersTooLarge(BadRequest):
    status = 431
    code = "headers_too_large"


class BackendFailed(ApiError):
    """The backend could not be reached, or what it sent makes no sense."""

    status = 502
    code = "backend_failed"


class BackendUnreachable(BackendFailed):
    """The connection was refused, broke before an answer, or could not be trusted. Nothing was answered."""

    code = "backend_unreachable"


class BackendDied(BackendFailed):
    """The backend fell silent, and its probes failed."""

    code = "backend_died"


class CredentialsRefused(BackendFailed):
    """The backend refused the gateway's own key: nothing that the caller could mend."""

    code = "backend_refused_credentials"


class PermissionRefused(CredentialsRefused):
    """The backend knows the gateway's key, and forbids this request: perhaps for what this caller asks."""

    code = "backend_refused_permission"


class NoBackend(ApiError):
    """Every backend of the route is out of rotation."""

    status = 503
    code = "no_backend_available"


class PromptTooLong(BadRequest):
    """By the gateway's own estimate, no backend of the route takes as many tokens."""

    code = "context_length_exceeded"


class BackendsRateLimited(ApiError):
    """Every backend of the route has said that it takes no more for now."""

    status = 429
    type = "rate_limit_error"
    code = "rate_limit_exceeded"


class ModelNotAllowed(BadRequest):
    """The key, or its project, may not use the model."""

    status = 403
    code = "model_not_allowed"


class NotReady(ApiError):
    status = 503
    code = "not_ready"


class Overloaded(ApiError):
    status = 503
    type = "overloaded_error"
    code = "overloaded"


class PartUnavailable(ApiError):
    """An on-demand part did not start."""

    status = 503
    code = "part_unavailable"


class BackendTimedOut(ApiError):
    status = 504
    type = "timeout_error"
    code = "backend_timeout"


class ConnectTimedOut(BackendTimedOut):
    """The backend did not accept a connection. Nothing was sent."""


class BackendAnsweredError(ApiError):
    """What the backend itself said, with its status."""

    def __init__(self, status: int, detail: ErrorDetail, headers: Mapping[str, str]) -> None:
        super().__init__(detail.message, param=detail.param, headers=headers)
        self._status = status
        self._detail = detail

    @property
    def http_status(self) -> int:
        return self._status

    @property
    def detail(self) -> ErrorDetail:
        return self._detail

    @property
    def kind(self) -> str:
        """The backend's own words could be anything, and as many as there are requests: its status stands for them."""
        return self._detail.code if self._detail.code in _KNOWN_CODES else str(self._status)


class UsageEventRefused(BackendAnsweredError):
    """The backend does not know the option that asks for the usage event. Nothing was answered; ask without it."""
