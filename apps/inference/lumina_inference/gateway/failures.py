"""What went wrong with one attempt at a backend, and what that means for the next one."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import StrEnum

from lumina_contracts.snapshot import Tolerance
from lumina_inference.gateway.errors import (
    ApiError,
    BackendAnsweredError,
    BackendDied,
    BackendTimedOut,
    BackendUnreachable,
    BadRequest,
    ConnectTimedOut,
    CredentialsRefused,
    PartUnavailable,
    PromptTooLong,
)


class Failure(StrEnum):
    """The kinds of failure that are treated differently."""

    UNREACHABLE = "unreachable"
    DIED = "died"
    TIMED_OUT = "timed_out"
    BROKEN = "broken"
    SERVER_ERROR = "server_error"
    RATE_LIMITED = "rate_limited"
    CREDENTIALS = "credentials_refused"
    MISSING = "not_found"
    CONTEXT_WINDOW = "context_window"
    CONTENT_POLICY = "content_policy"
    BAD_REQUEST = "bad_request"


@dataclass(frozen=True, slots=True)
class Conduct:
    """What follows a failure.

    `elsewhere`: another backend of the route may do better. `again`: so may the same one, after a pause. `fallback`: so
    may another route. `blames`: it speaks against the backend.
    """

    elsewhere: bool = True
    again: bool = False
    fallback: bool = True
    blames: bool = True


_PASSED_ON = Conduct(elsewhere=False, fallback=False, blames=False)
_CONDUCT = {
    Failure.UNREACHABLE: Conduct(again=True),
    Failure.DIED: Conduct(),
    Failure.TIMED_OUT: Conduct(),
    Failure.BROKEN: Conduct(again=True),
    Failure.SERVER_ERROR: Conduct(again=True),
    Failure.RATE_LIMITED: Conduct(again=True),
    Failure.CREDENTIALS: Conduct(),
    Failure.MISSING: Conduct(),
    Failure.CONTEXT_WINDOW: Conduct(elsewhere=False, blames=False),
    Failure.CONTENT_POLICY: Conduct(elsewhere=False, blames=False),
    Failure.BAD_REQUEST: _PASSED_ON,
}
SHOULD_RETRY = "x-should-retry"
"""A header that the SDKs follow: whether the same request is worth another try."""

_POLICY_CODES = frozenset({"content_filter", "content_policy_violation", "ResponsibleAIPolicyViolation"})
_BAD_GATEWAY, _UNAVAILABLE = 502, 503
_GATEWAY_STATUSES = (_BAD_GATEWAY, _UNAVAILABLE)
_BY_STATUS = {404: Failure.MISSING, 408: Failure.TIMED_OUT, 429: Failure.RATE_LIMITED, 504: Failure.TIMED_OUT}


def failure_of(error: ApiError) -> Failure:
    """The kind of an attempt's error."""
    if isinstance(error, BackendUnreachable | ConnectTimedOut):
        return Failure.UNREACHABLE
    if isinstance(error, BackendDied | PartUnavailable):
        return Failure.DIED
    if isinstance(error, BackendTimedOut):
        return Failure.TIMED_OUT
    if isinstance(error, CredentialsRefused):
        return Failure.CREDENTIALS
    if isinstance(error, PromptTooLong):
        return Failure.CONTEXT_WINDOW
    if isinstance(error, BackendAnsweredError):
        return _answered(error)
    return Failure.BAD_REQUEST if isinstance(error, BadRequest) else Failure.BROKEN


def conduct(failure: Failure) -> Conduct:
    return _CONDUCT[failure]


def tolerated(tolerance: Tolerance, error: ApiError, otherwise: int) -> int:
    """The number that a tolerance has for this kind of failure, else the general one."""
    own = _own(tolerance, failure_of(error), error.http_status)
    general = otherwise if tolerance.default is None else tolerance.default
    return general if own is None else own


def retried_all_the_same(tolerance: Tolerance, error: ApiError) -> bool:
    """Whether the operator wants retries of this very kind of failure, though they are in vain as a rule."""
    return bool(_own(tolerance, failure_of(error), error.http_status))


def _own(tolerance: Tolerance, failure: Failure, status: int) -> int | None:
    if failure is Failure.SERVER_ERROR and status in _GATEWAY_STATUSES:
        return tolerance.unavailable if status == _UNAVAILABLE else tolerance.bad_gateway
    return {
        Failure.BAD_REQUEST: tolerance.bad_request,
        Failure.CREDENTIALS: tolerance.authentication,
        Failure.TIMED_OUT: tolerance.timeout,
        Failure.RATE_LIMITED: tolerance.rate_limit,
        Failure.CONTENT_POLICY: tolerance.content_policy,
        Failure.MISSING: tolerance.not_found,
    }.get(failure, tolerance.internal_server)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a backend asks to wait, as a number or a date (RFC 9110, 10.2.3); None if it does not say."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) * unit
        except KeyError:
            continue
        except ValueError:
            seconds = _seconds_until(headers[name])
        if 0 <= seconds < math.inf:
            return seconds
    return None


def _seconds_until(date: str) -> float:
    """Not a number (NaN) if it is no date."""
    try:
        return max(0.0, parsedate_to_datetime(date).timestamp() - time.time())
    except (ValueError, OverflowError):
        return math.nan


def _answered(error: BackendAnsweredError) -> Failure:
    code, status = error.detail.code, error.http_status
    if code == "context_length_exceeded":
        return Failure.CONTEXT_WINDOW
    if code in _POLICY_CODES:
        return Failure.CONTENT_POLICY
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    return Failure.SERVER_ERROR if status >= 500 else Failure.BAD_REQUEST
