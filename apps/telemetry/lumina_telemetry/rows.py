"""What the store keeps, one struct a row. Times are nanoseconds since 1970, UTC; ids are as hexadecimal text."""

from msgspec import Struct, field

OWN = "lumina"
"""How names of metrics begin that only Lumina itself sends."""

ABSENT = -1
"""Stands for "not known" in a column of whole numbers, which are never negative."""


STALE = -1.7976931348623157e308
"""Stands for "no value any more" in a point: the lowest number there is, which SQL can tell from NaN."""


class SpanRow(Struct, frozen=True, kw_only=True):
    """One span. `ours`: Lumina itself sent it, so its attribution can be believed.

    `time_ns` is when it began, but never later than it came in: lists are ordered by it, and a clock that is ahead
    must not keep the top. `attributes`, `events` and `links` are JSON; attributes that have a column of their own
    (`lifted.py`) are not among `attributes`.
    """

    time_ns: int
    start_ns: int
    duration_ns: int
    trace_id: str
    span_id: str
    parent_id: str = ""
    name: str = ""
    kind: int = 0
    status: int = 0
    status_message: str | None = None
    service: str = ""
    scope: str = ""
    project: str | None = None
    ours: bool = False
    resource: int = 0
    operation: str | None = None
    provider: str | None = None
    request_model: str | None = None
    response_model: str | None = None
    route: str | None = None
    backend: str | None = None
    key_id: str | None = None
    request_id: str | None = None
    response_id: str | None = None
    prompt_sha256: str | None = None
    error_type: str | None = None
    http_status: int = ABSENT
    input_tokens: int = ABSENT
    output_tokens: int = ABSENT
    cost_nano_usd: int = ABSENT
    first_chunk_seconds: float | None = None
    attributes: str = "{}"
    events: str | None = None
    links: str | None = None


class LogRow(Struct, frozen=True, kw_only=True):
    """One log record. `severity` is OpenTelemetry's number, 1 to 24, 0 where none was given."""

    time_ns: int
    observed_ns: int
    severity: int = 0
    severity_text: str = ""
    body: str = ""
    event_name: str = ""
    trace_id: str = ""
    span_id: str = ""
    service: str = ""
    scope: str = ""
    project: str | None = None
    ours: bool = False
    resource: int = 0
    attributes: str = "{}"


class ResourceRow(Struct, frozen=True, kw_only=True):
    """Attributes of a sender, as JSON, under their hash."""

    id: int
    attributes: str


class SeriesRow(Struct, frozen=True, kw_only=True):
    """One series of a metric. `name` is the Prometheus name without the suffixes of a histogram, `labels` JSON.

    `id` is a hash of all the rest. `bounds` are the upper bounds of a histogram's buckets, without infinity.
    `zero_ns` is not stored: when a counter or histogram that is new was certainly 0, or 0 where nobody knows. It then
    gets a point of that time, so that what it came with counts as its increase.
    """

    id: int
    name: str
    otel_name: str
    kind: str
    unit: str
    description: str
    labels: str
    project: str | None = None
    bounds: tuple[float, ...] = ()
    zero_ns: int = 0


class NumberRow(Struct, frozen=True, kw_only=True):
    """A point of a gauge or counter; counters are cumulative. The value STALE: the series has ended."""

    series: int
    time_ns: int
    value: float


class HistogramRow(Struct, frozen=True, kw_only=True):
    """A point of a histogram, cumulative over time; `buckets` counts each bucket alone, the last one beyond all bounds.

    Without buckets it says that the series ended. `exemplars` is a JSON list of {value, time_ns, trace_id, span_id}.
    """

    series: int
    time_ns: int
    count: int
    sum: float
    buckets: tuple[int, ...]
    exemplars: str | None = None


def owner(name: str, project: str | None) -> str | None:
    """The project that answers for a series; None: Lumina itself, also for what it counts of a project."""
    return None if name.startswith(OWN) else project


class Batch(Struct, kw_only=True):
    """What is written in one transaction."""

    spans: list[SpanRow] = field(default_factory=list)
    logs: list[LogRow] = field(default_factory=list)
    resources: list[ResourceRow] = field(default_factory=list)
    series: list[SeriesRow] = field(default_factory=list)
    numbers: list[NumberRow] = field(default_factory=list)
    histograms: list[HistogramRow] = field(default_factory=list)

    def extend(self, other: "Batch") -> None:
        """Take in another batch."""
        for name in self.__struct_fields__:
            getattr(self, name).extend(getattr(other, name))
