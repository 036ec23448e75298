"""What the process answers about rules."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from aiohttp import web

from lumina_telemetry.answering import parameters
from lumina_telemetry.answering.answers import PROJECT_LABEL, answered, scope
from lumina_telemetry.cursors import cursor_of, position_of
from lumina_telemetry.rules.alerting import Alert
from lumina_telemetry.rules.definitions import Alerting
from lumina_telemetry.rules.library import Problem
from lumina_telemetry.rules.models import FileProblem, Health, RulePage, RuleState, RuleView
from lumina_telemetry.rules.running import Running, RunningGroup
from lumina_telemetry.times import told
from lumina_telemetry.visibility import Visible, sees

_STATES = ("inactive", "pending", "firing")
_KINDS = ("alerting", "recording")


def routes(groups: Callable[[], Sequence[RunningGroup]], problems: Callable[[], list[Problem]]) -> list[web.RouteDef]:
    """GET /rules."""
    return [web.get("/rules", Rules(groups, problems).list)]


@dataclass(frozen=True)
class Rules:
    groups: Callable[[], Sequence[RunningGroup]]
    problems: Callable[[], list[Problem]]

    async def list(self, request: web.Request) -> web.Response:
        query = request.query
        parameters.known(query, "name", "file", "group", "kind", "state", "limit", "cursor")
        parameters.choice(query, "kind", _KINDS)
        parameters.choice(query, "state", _STATES)
        limit = parameters.limit(query)
        first = position_of(query["cursor"], 1)[0] if "cursor" in query else 0
        found = [view for view in _views(self.groups(), scope(request)) if _wanted(view, query)]
        page = found[first : first + limit]
        following = cursor_of(first + limit) if len(found) > first + limit else None
        broken = [FileProblem(each.file, each.line, each.message, each.instead) for each in self.problems()]
        return answered(RulePage(page, following, None, broken))


def visible(running: Running, seen: Visible) -> list[Alert]:
    """The rule's active alerts that a caller may see: those that name a project of theirs, or none."""
    active = running.alerts.active if running.alerts else []
    return [alert for alert in active if sees(seen, alert.labels.get(PROJECT_LABEL))]


def state_of(alerts: Sequence[Alert]) -> RuleState:
    states = {alert.state for alert in alerts}
    return "firing" if "firing" in states else "pending" if states else "inactive"


def health_of(running: Running) -> Health:
    if running.error is not None:
        return "err"
    return "ok" if running.at_ns is not None else "unknown"


def _wanted(view: RuleView, query: Mapping[str, str]) -> bool:
    names = ("name", "file", "group", "kind", "state")
    return all(getattr(view, name) == query[name] for name in names if name in query)


def _views(groups: Sequence[RunningGroup], seen: Visible) -> Iterator[RuleView]:
    for group in groups:
        for running in group.rules:
            yield _view(group, running, visible(running, seen))


def _view(group: RunningGroup, running: Running, alerts: Sequence[Alert]) -> RuleView:
    rule = running.rule
    alerting = rule if isinstance(rule, Alerting) else None
    return RuleView(
        file=group.file,
        group=group.group.name,
        name=rule.name,
        kind="alerting" if alerting else "recording",
        expression=rule.expr,
        labels=dict(rule.labels),
        annotations=dict(alerting.annotations) if alerting else {},
        for_seconds=alerting.hold if alerting else 0.0,
        keep_firing_seconds=alerting.keep if alerting else 0.0,
        interval_seconds=group.interval,
        state=state_of(alerts) if alerting else None,
        pending=sum(alert.state == "pending" for alert in alerts),
        firing=sum(alert.state == "firing" for alert in alerts),
        health=health_of(running),
        last_error=running.error,
        evaluated_at=None if running.at_ns is None else told(running.at_ns),
        evaluation_seconds=running.seconds,
    )
