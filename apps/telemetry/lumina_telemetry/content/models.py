"""A piece of captured content, as the API shows it."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, JsonValue

from lumina_contracts.content import Kind, Source


class ContentEntry(BaseModel):
    """What is kept of one side of a request, without the words. `size_bytes` is the whole's, also where it was cut."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    trace_id: str
    span_id: str
    at: datetime
    captured_at: datetime
    source: Source
    kind: Kind
    request_id: str | None
    key_id: str | None
    route: str | None
    model: str | None
    status: int | None
    size_bytes: int
    cut: bool


class Content(ContentEntry):
    """The same with the words: the body as it was sent, or the attributes or events of a span."""

    body: JsonValue


class Deleted(BaseModel):
    """How many records are gone."""

    model_config = ConfigDict(frozen=True)

    deleted: int
