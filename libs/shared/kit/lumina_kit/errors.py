"""The root of all errors. A leaf says what is wrong, with a stable code and an HTTP status."""

from typing import ClassVar


class LuminaError(Exception):
    """Something that the caller can be told. The message names the value, `next_step` what to do about it."""

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal error"

    def __init__(self, message: str, *, next_step: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step


class Unauthenticated(LuminaError):
    code = "unauthenticated"
    status = 401
    title = "Not signed in"


class Refused(LuminaError):
    code = "forbidden"
    status = 403
    title = "Not allowed"


class NotFound(LuminaError):
    code = "not_found"
    status = 404
    title = "Not found"


class Conflict(LuminaError):
    code = "conflict"
    status = 409
    title = "Conflict"


class TooLarge(LuminaError):
    code = "too_large"
    status = 413
    title = "Too large"


class Invalid(LuminaError):
    code = "invalid"
    status = 422
    title = "Invalid input"


class TooMany(LuminaError):
    """`retry_after` is in seconds."""

    code = "too_many_requests"
    status = 429
    title = "Too many requests"

    def __init__(self, message: str, *, retry_after: float | None = None, next_step: str | None = None) -> None:
        super().__init__(message, next_step=next_step)
        self.retry_after = retry_after


class Unavailable(LuminaError):
    code = "unavailable"
    status = 503
    title = "Unavailable"
