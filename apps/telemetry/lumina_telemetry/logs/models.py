"""What is told of logs. Times are RFC 3339 with nanoseconds, UTC."""

from dataclasses import dataclass


@dataclass(frozen=True)
class LogRecord:
    """`severity` is OpenTelemetry's number: 1 trace, 5 debug, 9 info, 13 warning, 17 error, 21 fatal; 0 none given.

    `level` is the sender's own word for it. `ours`: Lumina itself said it.
    """

    time: str
    severity: int
    level: str
    service: str
    body: str
    event_name: str
    trace_id: str | None
    span_id: str | None
    scope: str
    project: str | None
    ours: bool
    attributes: dict[str, object]


@dataclass(frozen=True)
class LogPage:
    """Newest first. `cut` says why a search ended before it had looked everywhere; `next` goes on from there."""

    items: list[LogRecord]
    next: str | None
    cut: str | None


@dataclass(frozen=True)
class LogCount:
    """How many records of each severity were said from `start` on, for one bucket; those with none count as `none`."""

    start: str
    total: int
    none: int
    trace: int
    debug: int
    info: int
    warning: int
    error: int
    fatal: int


@dataclass(frozen=True)
class LogHistogram:
    """One item for each bucket, oldest first, also where nothing was said."""

    items: list[LogCount]
    bucket_seconds: int
    next: str | None
    cut: str | None
