"""Bodies on their way into the store and out of it: each project's under a key of its own."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from lumina_contracts.content import ContentRecord
from lumina_kit.masterkey import MasterKey
from lumina_telemetry.content.models import Content, ContentEntry
from lumina_telemetry.content.store import ContentRow

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def sealed_rows(key: MasterKey, records: Iterable[ContentRecord], now: datetime) -> list[ContentRow]:
    """Rows to store. What a record says of itself stays legible, and holds nobody's words."""
    return [_row(record, key.seal(_purpose(UUID(record.project)), bytes(record.body)), now) for record in records]


def opened(key: MasterKey, rows: Iterable[tuple[ContentRow, bytes]]) -> list[Content]:
    """Rows with their words. Raises BadMasterKey."""
    return [
        Content(**entry(row).model_dump(), body=json.loads(key.open(_purpose(row.project_id), sealed)))
        for row, sealed in rows
    ]


def entry(row: ContentRow) -> ContentEntry:
    """A row without its words."""
    return ContentEntry.model_validate(row, from_attributes=True)


def _purpose(project: UUID) -> str:
    return f"content/{project}"


def _row(record: ContentRecord, sealed: bytes, now: datetime) -> ContentRow:
    return ContentRow(
        id=uuid4(),
        project_id=UUID(record.project),
        trace_id=record.trace_id,
        span_id=record.span_id,
        at=_EPOCH + timedelta(microseconds=record.at_ns // 1000),
        captured_at=now,  # the sender's clock may be wrong, and the retention must hold all the same
        source=record.source,
        kind=record.kind,
        request_id=record.request_id,
        key_id=record.key_id,
        route=record.route,
        model=record.model,
        status=record.status,
        size_bytes=record.size_bytes or len(bytes(record.body)),
        cut=record.cut,
        sealed_bytes=len(sealed),
        sealed=sealed,
    )
