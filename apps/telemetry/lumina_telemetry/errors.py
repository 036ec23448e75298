"""What telemetry can refuse, and why."""

from lumina_kit.errors import Invalid, LuminaError, NotFound, TooLarge, TooMany, Unavailable


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
