"""Traces in a line each."""

from collections.abc import Iterable, Sequence

from duckdb import DuckDBPyConnection

from lumina_telemetry import times
from lumina_telemetry.traces.filters import Filter, Parameter
from lumina_telemetry.traces.models import STATUSES, TraceSummary
from lumina_telemetry.traces.usage import MOST_SPANS, Usage, summed
from lumina_telemetry.visibility import Visible

ROOTS_FIRST = 4 * 10**18  # more than any time: it puts roots before all other spans
_FIRST = (
    "name", "service", "start_ns", "duration_ns", "status", "span_id", "operation", "route", "backend",
    "coalesce(response_model, request_model)", "project", "key_id", "error_type", "http_status",
)  # fmt: skip


def summaries(
    connection: DuckDBPyConnection, traces: Sequence[tuple[int, int]], scope: Visible, since_ns: int
) -> list[TraceSummary]:
    """These traces, in this order; none of their spans begins before `since_ns`."""
    if not traces:
        return []
    visible = Filter(scope=scope)
    parameters: list[Parameter] = [since_ns, [low for _, low in traces], *visible.parameters]
    condition = f"time_ns >= ? AND trace_lo IN (SELECT unnest(?::UBIGINT[])){visible.sql}"
    used = _usage(connection, condition, parameters)
    firsts = ", ".join(f"arg_min({column}, place)" for column in _FIRST)
    rows = connection.execute(
        f"SELECT trace_hi, trace_lo, {firsts}, bool_or(parent_id = 0), count(DISTINCT span_id),"  # nosec B608
        " count(DISTINCT span_id) FILTER (status = 2), min(start_ns), max(start_ns + duration_ns)"
        f" FROM (SELECT *, CASE WHEN parent_id = 0 THEN time_ns - {ROOTS_FIRST} ELSE time_ns END AS place"
        f" FROM spans WHERE {condition}) GROUP BY trace_hi, trace_lo",
        parameters,
    ).fetchall()
    told = {(row[0], row[1]): _summary(row, used.get((row[0], row[1]), Usage())) for row in rows}
    return [told[trace] for trace in traces if trace in told]


def _summary(row: tuple, usage: Usage) -> TraceSummary:  # type: ignore[type-arg]  # a row of the query above
    high, low, name, service, start, duration, status, span_id, *rest = row
    operation, route, backend, model, project, key_id, error_type, http_status, root, spans, errors, first, last = rest
    if not root:
        start, duration = first, last - first
    return TraceSummary(
        trace_id=f"{high:016x}{low:016x}",
        span_id=f"{span_id:016x}",
        root=root,
        name=name,
        service=service,
        start=times.told(start),
        duration_ms=times.milliseconds(duration),
        status=STATUSES[min(status, 2)],
        spans=spans,
        errors=errors,
        operation=operation,
        route=route,
        backend=backend,
        model=model,
        project=project,
        key_id=key_id,
        error_type=error_type,
        http_status=http_status,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cost_nano_usd=usage.cost_nano_usd,
    )


def _usage(
    connection: DuckDBPyConnection, condition: str, parameters: Iterable[Parameter]
) -> dict[tuple[int, int], Usage]:
    rows = connection.execute(
        "SELECT trace_hi, trace_lo, span_id, parent_id, input_tokens, output_tokens, cost_nano_usd FROM spans"  # nosec B608
        f" WHERE {condition} LIMIT {MOST_SPANS}",
        list(parameters),
    ).fetchall()
    return summed(rows)
