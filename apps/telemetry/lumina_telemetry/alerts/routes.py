"""What the process answers about alerts: those that are active, and those that were."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from aiohttp import web

from lumina_telemetry.alerts.models import AlertPage, AlertView
from lumina_telemetry.answering import parameters
from lumina_telemetry.answering.answers import PROJECT_LABEL, answered, scope
from lumina_telemetry.cursors import cursor_of, position_of
from lumina_telemetry.store.store import Store
from lumina_telemetry.times import told
from lumina_telemetry.visibility import Visible

STATES = ("pending", "firing", "resolved")
_ORDER = "(active_ns, fingerprint)"
_COLUMNS = "fingerprint, rule, name, state, labels, annotations, value, active_ns, fired_ns, resolved_ns"
_FILTERS = {
    "name": "name = ?",
    "state": "state = ?",
    "fingerprint": "fingerprint = ?",
    "severity": "json_extract_string(labels, '$.severity') = ?",
}
_HEX = 16


def routes(store: Store) -> list[web.RouteDef]:
    """GET /alerts."""
    return [web.get("/alerts", Alerts(store).list)]


@dataclass(frozen=True)
class Alerts:
    store: Store

    async def list(self, request: web.Request) -> web.Response:
        query = request.query
        parameters.known(query, *_FILTERS, "limit", "cursor")
        parameters.choice(query, "state", STATES)
        limit = parameters.limit(query)
        clauses, values = _where(query, scope(request))
        sql = f"SELECT {_COLUMNS} FROM alerts {clauses} ORDER BY active_ns DESC, fingerprint DESC LIMIT {limit + 1}"  # nosec B608
        rows = await self.store.rows(sql, values)
        views = [_view(*row) for row in rows[:limit]]
        last = rows[limit - 1] if len(rows) > limit else None
        following = None if last is None else cursor_of(last[7], int(last[0], 16))
        return answered(AlertPage(views, following, None))


def _where(query: Mapping[str, str], visible: Visible) -> tuple[str, list[Any]]:
    clauses = [clause for name, clause in _FILTERS.items() if name in query]
    values: list[Any] = [query[name] for name in _FILTERS if name in query]
    if visible is not None:
        clauses.append(f"list_contains(?::VARCHAR[], coalesce(json_extract_string(labels, '$.{PROJECT_LABEL}'), ''))")
        values.append(list(visible))
    if "cursor" in query:
        active_ns, number = position_of(query["cursor"], 2)
        clauses.append(f"{_ORDER} < (?, ?)")
        values += [active_ns, f"{number:0{_HEX}x}"]
    return (f"WHERE {' AND '.join(clauses)}" if clauses else "", values)


def _view(
    fingerprint: str,
    rule: str,
    name: str,
    state: Any,
    labels: str,
    notes: str,
    value: float | None,
    active_ns: int,
    fired_ns: int | None,
    resolved_ns: int | None,
) -> AlertView:
    pairs = msgspec.json.decode(labels, type=dict[str, str])
    return AlertView(
        fingerprint=fingerprint,
        rule=rule,
        name=name,
        state=state,
        severity=pairs.get("severity"),
        labels=pairs,
        annotations=msgspec.json.decode(notes, type=dict[str, str]),
        value=value if value is not None and math.isfinite(value) else None,
        active_at=told(active_ns),
        fired_at=None if fired_ns is None else told(fired_ns),
        resolved_at=None if resolved_ns is None else told(resolved_ns),
    )
