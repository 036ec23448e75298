"""Rows into tables: each batch becomes a few columns of numpy, which the database reads many times faster than rows."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from duckdb import DuckDBPyConnection
from msgspec import Struct
from numpy.typing import NDArray

from lumina_telemetry.rows import (
    ABSENT,
    Batch,
    HistogramRow,
    LogRow,
    NumberRow,
    ResourceRow,
    SeriesRow,
    SpanRow,
)

Column = NDArray[Any] | np.ma.MaskedArray[Any, Any]
Values = Sequence[Any]
MOST_INT32 = 2**31 - 1
MOST_INT64 = 2**63 - 1


def write(connection: DuckDBPyConnection, batch: Batch, stored_ns: int) -> None:
    """Add all rows of a batch, within the transaction of the caller."""
    for table, rows in (
        ("spans", batch.spans),
        ("logs", batch.logs),
        ("resources", batch.resources),
        ("series", batch.series),
        ("numbers", batch.numbers),
        ("histograms", batch.histograms),
    ):
        if rows:
            columns = _columns(rows)
            if table in STAMPED:
                columns["stored_ns"] = np.full(len(rows), stored_ns, dtype=np.int64)
            _insert(connection, table, columns)


def halves(trace_id: str) -> tuple[int, int]:
    """A trace id as the two numbers under which it is stored."""
    return int(trace_id[:16] or "0", 16), int(trace_id[16:] or "0", 16)


def _insert(connection: DuckDBPyConnection, table: str, columns: dict[str, Column]) -> None:
    chosen = ", ".join(READ_AS.get(name, name) for name in columns)
    connection.register("incoming", columns)
    connection.execute(f"INSERT INTO {table} ({', '.join(columns)}) SELECT {chosen} FROM incoming").fetchall()  # nosec B608
    connection.unregister("incoming")


def _columns(rows: Sequence[Struct]) -> dict[str, Column]:
    kind_of = KINDS[type(rows[0])]
    columns = {name: kind([getattr(row, name) for row in rows]) for name, kind in kind_of.items()}
    if isinstance(rows[0], SpanRow | LogRow):
        pairs = [halves(row.trace_id) for row in rows if isinstance(row, SpanRow | LogRow)]
        columns["trace_hi"] = _unsigned([high for high, _ in pairs])
        columns["trace_lo"] = _unsigned([low for _, low in pairs])
    return columns


def _signed(values: Values) -> Column:
    return np.array(values, dtype=np.int64)


def _unsigned(values: Values) -> Column:
    return np.array(values, dtype=np.uint64)


def _small(values: Values) -> Column:
    return np.clip(np.array(values, dtype=np.int64), 0, 255).astype(np.uint8)


def _flags(values: Values) -> Column:
    return np.array(values, dtype=np.bool_)


def _real(values: Values) -> Column:
    return np.array(values, dtype=np.float64)


def _known(values: Values, most: int = MOST_INT64) -> Column:
    """Whole numbers, with NULL for what is not known or no column can hold."""
    whole = np.array([value if 0 <= value <= most else ABSENT for value in values], dtype=np.int64)
    return np.ma.masked_array(whole, mask=whole == ABSENT)


def _status(values: Values) -> Column:
    return _known(values, MOST_INT32)


def _real_or_null(values: Values) -> Column:
    numbers = np.array([0.0 if value is None else value for value in values], dtype=np.float64)
    return np.ma.masked_array(numbers, mask=[value is None for value in values])


def _text(values: Values) -> Column:
    return np.array(values, dtype=object)


def _span(values: Values) -> Column:
    return _unsigned([int(value or "0", 16) for value in values])


def _listed(values: Values) -> Column:
    """Lists as JSON text, which is cast: an array of lists of one length would be taken for a matrix."""
    return np.array([str(list(value)) for value in values], dtype=object)


Kind = Callable[[Values], Column]
_ATTRIBUTION: dict[str, Kind] = {
    "service": _text, "scope": _text, "project": _text, "ours": _flags, "resource": _unsigned, "attributes": _text,
}  # fmt: skip
KINDS: Mapping[type, Mapping[str, Kind]] = MappingProxyType(
    {
        SpanRow: {
            "time_ns": _signed, "start_ns": _signed, "duration_ns": _signed,
            "span_id": _span, "parent_id": _span,
            "name": _text, "kind": _small, "status": _small, "status_message": _text, **_ATTRIBUTION,
            "operation": _text, "provider": _text, "request_model": _text, "response_model": _text, "route": _text,
            "backend": _text, "key_id": _text, "request_id": _text, "response_id": _text, "prompt_sha256": _text,
            "error_type": _text, "http_status": _status, "input_tokens": _known, "output_tokens": _known,
            "cost_nano_usd": _known, "first_chunk_seconds": _real_or_null, "events": _text, "links": _text,
        },
        LogRow: {
            "time_ns": _signed, "observed_ns": _signed, "severity": _small, "severity_text": _text, "body": _text,
            "event_name": _text, "span_id": _span, **_ATTRIBUTION,
        },
        ResourceRow: {"id": _unsigned, "attributes": _text},
        SeriesRow: {
            "id": _unsigned, "name": _text, "otel_name": _text, "kind": _text, "unit": _text, "description": _text,
            "labels": _text, "project": _text, "bounds": _listed,
        },
        NumberRow: {"series": _unsigned, "time_ns": _signed, "value": _real},
        HistogramRow: {
            "series": _unsigned, "time_ns": _signed, "count": _unsigned, "sum": _real, "buckets": _listed,
            "exemplars": _text,
        },
    }
)  # fmt: skip
READ_AS: Mapping[str, str] = MappingProxyType(
    {
        "bounds": "bounds::DOUBLE[]",
        "buckets": "buckets::UBIGINT[]",
        "value": "coalesce(value, 'nan'::DOUBLE)",  # the database takes "not a number" in an array for NULL
        "sum": "coalesce(sum, 'nan'::DOUBLE)",
    }
)
STAMPED = frozenset({"spans", "logs"})
