"""Errors as Prometheus' own API tells them, by which its clients know what went wrong."""

import msgspec

from lumina_kit.errors import LuminaError, NotFound, Unavailable
from lumina_telemetry.errors import BadQuery, QueryTooSlow


def failure(error: LuminaError) -> tuple[int, bytes]:
    """The status and the body of an answer."""
    status, kind = _kind(error)
    message = " ".join(filter(None, (error.message, error.next_step)))
    return status, msgspec.json.encode({"status": "error", "errorType": kind, "error": message})


def _kind(error: LuminaError) -> tuple[int, str]:
    match error:
        case BadQuery():
            return 400, "bad_data"
        case NotFound():
            return 404, "not_found"
        case QueryTooSlow():
            return 503, "timeout"
        case Unavailable():
            return 503, "unavailable"
        case _:
            return error.status, "internal"
