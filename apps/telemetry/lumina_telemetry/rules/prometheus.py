"""/prometheus/api/v1/rules and /alerts, in the shape that Grafana expects of a Prometheus."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from lumina_telemetry.answering.answers import answered, scope
from lumina_telemetry.rules.alerting import Alert
from lumina_telemetry.rules.definitions import Alerting
from lumina_telemetry.rules.routes import health_of, state_of, visible
from lumina_telemetry.rules.running import Running, RunningGroup
from lumina_telemetry.rules.templates import go_float
from lumina_telemetry.times import told
from lumina_telemetry.visibility import Visible

_NEVER = "0001-01-01T00:00:00Z"


def routes(groups: Callable[[], Sequence[RunningGroup]]) -> list[web.RouteDef]:
    """What Prometheus has at these paths."""
    shown = PrometheusRules(groups)
    return [web.get("/prometheus/api/v1/rules", shown.rules), web.get("/prometheus/api/v1/alerts", shown.alerts)]


@dataclass(frozen=True)
class PrometheusRules:
    groups: Callable[[], Sequence[RunningGroup]]

    async def rules(self, request: web.Request) -> web.Response:
        kind, seen = request.query.get("type"), scope(request)
        return answered(
            {"status": "success", "data": {"groups": [_group(group, kind, seen) for group in self.groups()]}}
        )

    async def alerts(self, request: web.Request) -> web.Response:
        seen = scope(request)
        running = [each for group in self.groups() for each in group.rules]
        found = [_alert(alert) for each in running for alert in visible(each, seen)]
        return answered({"status": "success", "data": {"alerts": found}})


def _group(group: RunningGroup, kind: str | None, seen: Visible) -> dict[str, Any]:
    wanted = [
        each for each in group.rules if kind in (None, "", "alert" if isinstance(each.rule, Alerting) else "record")
    ]
    return {
        "name": group.group.name,
        "file": group.file,
        "rules": [_rule(each, seen) for each in wanted],
        "interval": group.interval,
        "limit": group.group.limit,
        "evaluationTime": group.seconds,
        "lastEvaluation": _time(group.at_ns),
    }


def _kind(running: Running) -> str:
    return "alert" if isinstance(running.rule, Alerting) else "record"


def _rule(running: Running, seen: Visible) -> dict[str, Any]:
    rule = running.rule
    common = {
        "name": rule.name,
        "query": rule.expr,
        "labels": dict(rule.labels),
        "health": health_of(running),
        "evaluationTime": running.seconds,
        "lastEvaluation": _time(running.at_ns),
        **({"lastError": running.error} if running.error else {}),
    }
    if not isinstance(rule, Alerting):
        return {**common, "type": "recording"}
    alerts = visible(running, seen)
    return {
        "state": state_of(alerts),
        **common,
        "duration": rule.hold,
        "keepFiringFor": rule.keep,
        "annotations": dict(rule.annotations),
        "alerts": [_alert(alert) for alert in alerts],
        "type": "alerting",
    }


def _alert(alert: Alert) -> dict[str, Any]:
    return {
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "state": alert.state,
        "activeAt": _time(alert.active_ns),
        "value": go_float(alert.value),
    }


def _time(at_ns: int | None) -> str:
    return _NEVER if at_ns is None else told(at_ns)
