"""The table `alerts`: what is active survives a restart, what is over stays as long as other telemetry."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import msgspec
from duckdb import DuckDBPyConnection

from lumina_telemetry.alerts.fingerprints import fingerprint
from lumina_telemetry.rules.alerting import NANO, Alert
from lumina_telemetry.store.store import Store

TOLERATED_NS = 3600 * NANO
"""As in Prometheus: after a longer outage nobody knows whether a pending alert went on, so it begins anew."""

_COLUMNS = (
    "rule, fingerprint, name, labels, annotations, state, value, active_ns, fired_ns, kept_ns, resolved_ns, seen_ns"
)
_RESTORED = "rule, labels, annotations, state, value, active_ns, fired_ns, kept_ns, seen_ns"
_HOUR = 3600.0


class AlertMemory:
    """Reads and writes the alerts of rules by the rules' ids."""

    def __init__(self, store: Store, kept_days: float) -> None:
        self._store = store
        self._kept_ns = int(kept_days * 24 * _HOUR * NANO)
        self._swept: float | None = None

    async def load(self, now_ns: int) -> dict[str, list[Alert]]:
        """What was active when the last process ended. The time since does not count as pending."""
        rows = await self._store.rows(f"SELECT {_RESTORED} FROM alerts WHERE resolved_ns IS NULL")  # nosec B608
        found: dict[str, list[Alert]] = {}
        for rule, labels, notes, state, value, active_ns, fired_ns, kept_ns, seen_ns in rows:
            alert = Alert(
                msgspec.json.decode(labels, type=dict[str, str]),
                msgspec.json.decode(notes, type=dict[str, str]),
                state,
                value,
                active_ns,
                fired_ns,
                kept_ns,
            )
            if left := _after(alert, now_ns - seen_ns):
                found.setdefault(rule, []).append(left)
        return found

    async def save(self, rules: Mapping[str, Iterable[Alert]], now_ns: int) -> None:
        """Keep the alerts of these rules as they are now."""
        sweep = self._swept is None or time.monotonic() - self._swept > _HOUR
        rows = [_row(rule, alert, now_ns) for rule, alerts in rules.items() for alert in alerts]
        before_ns = now_ns - self._kept_ns

        def work(connection: DuckDBPyConnection) -> None:
            for rule in rules:
                connection.execute("DELETE FROM alerts WHERE rule = ? AND resolved_ns IS NULL", [rule])
            for row in rows:
                connection.execute(
                    "DELETE FROM alerts WHERE rule = ? AND fingerprint = ? AND active_ns = ?", [row[0], row[1], row[7]]
                )
                connection.execute(f"INSERT INTO alerts ({_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)", row)  # nosec B608
            if sweep:
                connection.execute("DELETE FROM alerts WHERE resolved_ns < ?", [before_ns])

        await self._store.write(work)
        if sweep:
            self._swept = time.monotonic()


def _after(alert: Alert, outage_ns: int) -> Alert | None:
    if alert.state == "firing":
        return alert
    return replace(alert, active_ns=alert.active_ns + outage_ns) if outage_ns <= TOLERATED_NS else None


def _row(rule: str, alert: Alert, now_ns: int) -> list[Any]:
    return [
        rule, fingerprint(alert.labels), alert.labels["alertname"], _text(alert.labels), _text(alert.annotations),
        alert.state, alert.value, alert.active_ns, alert.fired_ns, alert.kept_ns, alert.resolved_ns, now_ns,
    ]  # fmt: skip


def _text(value: Mapping[str, str]) -> str:
    return msgspec.json.encode(dict(value)).decode()
