"""What people wrote and models answered, on its way to the content store: `POST /content` on control's socket."""

from typing import Annotated, Literal

from msgspec import Meta, Raw, Struct

MOST_RECORDS = 1000
MOST_BYTES = 8 * 2**20
"""The largest body of a request; a record that does not fit is cut by who sends it."""

Word = Annotated[str, Meta(max_length=256)]
Source = Literal["gateway", "otlp"]
Kind = Literal["request", "answer", "attributes", "events"]


class ContentRecord(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One piece of content, and what it belongs to. `body` is any JSON; `size_bytes` is the whole's, if it was cut."""

    project: Word
    trace_id: Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]
    span_id: Annotated[str, Meta(pattern="^[0-9a-f]{16}$")]
    at_ns: Annotated[int, Meta(ge=0, le=2**63 - 1)]
    source: Source
    kind: Kind
    body: Raw
    request_id: Word | None = None
    key_id: Word | None = None
    route: Word | None = None
    model: Word | None = None
    status: int | None = None
    size_bytes: int | None = None
    cut: bool = False


class ContentBatch(Struct, frozen=True):
    """What is sent at once."""

    records: Annotated[list[ContentRecord], Meta(max_length=MOST_RECORDS)]


class ContentKept(Struct, frozen=True):
    """The answer: the others were of projects that do not capture."""

    kept: int
