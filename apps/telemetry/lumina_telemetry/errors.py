"""What telemetry can refuse, and why."""

from typing import Self

from lumina_kit.errors import Conflict, Invalid, LuminaError, NotFound, TooLarge, TooMany, Unavailable


class TelemetryUnavailable(Unavailable):
    code = "telemetry_unavailable"
    title = "The telemetry process does not answer"


class DiskFull(Unavailable):
    code = "telemetry_disk_full"
    title = "Telemetry takes nothing in: the disk is full"


class IntakeFull(TooMany):
    code = "telemetry_intake_full"
    title = "Telemetry comes in faster than it can be stored"


class BadOtlp(LuminaError):
    code = "bad_otlp"
    status = 400
    title = "The body is no OTLP export request"

    @classmethod
    def of(cls, encoding: str, error: Exception) -> Self:
        """What a parser said of it."""
        reason = " ".join(str(error).split())[:200].rstrip(".")
        return cls(f"The body is no OTLP in {encoding}: {reason}.", next_step="Send an OTLP export request.")


class BadMedia(LuminaError):
    code = "bad_otlp_media_type"
    status = 415
    title = "The body is in no encoding of OTLP"


class BadEncoding(LuminaError):
    code = "bad_otlp_content_encoding"
    status = 415
    title = "The body is compressed in a way that is not understood"


class OtlpTooLarge(TooLarge):
    code = "otlp_too_large"
    title = "The export request is too large"


class BadQuery(Invalid):
    code = "bad_query"
    title = "The query cannot be answered"


class QueryTooSlow(Unavailable):
    code = "query_too_slow"
    title = "The query took too long"


class TraceNotFound(NotFound):
    code = "trace_not_found"
    title = "No such trace"


class NotResolved(NotFound):
    code = "not_resolved"
    title = "Nothing has this id"


class CaptureOff(Conflict):
    code = "capture_off"
    title = "Content capture is off"


class ContentNotFound(NotFound):
    code = "content_not_found"
    title = "No content is kept of this"
