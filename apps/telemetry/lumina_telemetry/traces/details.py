"""Spans with everything that is stored of them, attributes under their own names again."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from duckdb import DuckDBPyConnection

from lumina_telemetry import lifted, times
from lumina_telemetry.traces.models import STATUSES, SpanDetail

KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")
PAGE_BYTES = 8 * 2**20
"""Attributes, events and links on one page at most; a single span may be larger."""

_LIFTED = tuple(lifted.COLUMNS.items())
_TOLD = (
    "rowid, trace_hi, trace_lo, span_id, parent_id, name, kind, status, status_message, service, scope, project, ours,"
    " start_ns, duration_ns, resource, attributes, events, links"
)
_FIXED = _TOLD.count(",") + 1


def fitting(connection: DuckDBPyConnection, rowids: Sequence[int]) -> list[int]:
    """The first of these rows that go on one page together; one at least."""
    sizes = dict(
        connection.execute(
            "SELECT rowid, strlen(attributes) + coalesce(strlen(events), 0) + coalesce(strlen(links), 0)"
            " FROM spans WHERE rowid IN (SELECT unnest(?::BIGINT[]))",
            [list(rowids)],
        ).fetchall()
    )
    taken: list[int] = []
    room = PAGE_BYTES
    for row in rowids:
        room -= sizes.get(row, 0)
        if room < 0 and taken:
            break
        taken.append(row)
    return taken


def details(connection: DuckDBPyConnection, rowids: Sequence[int]) -> dict[int, SpanDetail]:
    """These rows, by their row id. Row ids hold within one transaction only."""
    if not rowids:
        return {}
    columns = ", ".join(column for _, column in _LIFTED)
    sql = f"SELECT {_TOLD}, {columns} FROM spans WHERE rowid IN (SELECT unnest(?::BIGINT[]))"  # nosec B608
    rows = connection.execute(sql, [list(rowids)]).fetchall()
    resources = _resources(connection, {row[_FIXED - 4] for row in rows})
    return {row[0]: _detail(row, resources) for row in rows}


def _detail(row: Sequence[Any], resources: dict[int, dict[str, object]]) -> SpanDetail:
    _, high, low, span_id, parent, name, kind, status, message, service, scope, project, ours, *rest = row[:_FIXED]
    start, duration, resource, attributes, events, links = rest
    own = {attribute: value for (attribute, _), value in zip(_LIFTED, row[_FIXED:], strict=True) if value is not None}
    return SpanDetail(
        trace_id=f"{high:016x}{low:016x}",
        span_id=f"{span_id:016x}",
        parent_id=f"{parent:016x}" if parent else None,
        name=name,
        kind=KINDS[kind] if kind < len(KINDS) else KINDS[0],
        status=STATUSES[min(status, 2)],
        status_message=message,
        service=service,
        scope=scope,
        project=project,
        ours=ours,
        start=times.told(start),
        duration_ms=times.milliseconds(duration),
        attributes={**own, **_mapping(attributes)},
        events=_list(events),
        links=_list(links),
        resource=resources.get(resource, {}),
    )


def _resources(connection: DuckDBPyConnection, ids: Iterable[int]) -> dict[int, dict[str, object]]:
    rows = connection.execute(
        "SELECT id, attributes FROM resources WHERE id IN (SELECT unnest(?::UBIGINT[]))", [list(ids)]
    ).fetchall()
    return {number: _mapping(attributes) for number, attributes in rows}


def _mapping(text: str) -> dict[str, object]:
    return msgspec.json.decode(text, type=dict[str, object])


def _list(text: str | None) -> list[object]:
    return msgspec.json.decode(text, type=list[object]) if text else []
