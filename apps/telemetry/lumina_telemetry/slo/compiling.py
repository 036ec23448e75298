"""An objective into rules: its error ratio over eight windows, its budget, and alerts on how fast that burns.

Names and labels are Sloth's, so that its dashboards show them. Alerts are those of the SRE workbook: a page at 14.4
times the rate that uses up the budget in 30 days (over 1h and 5m) or 6 times (6h and 30m), a ticket at 3 times (1d and
2h) or at the very rate (3d and 6h).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from lumina_telemetry.rules.definitions import Alerting, Group, Recording, Rule, RuleFile
from lumina_telemetry.slo.objectives import WINDOW, Alarm, Objective, ObjectiveFile

SHORT = ("5m", "30m", "1h", "2h")
LONG = ("6h", "1d", "3d", "30d")
WINDOWS = (*SHORT, *LONG)
PERIOD_DAYS = 30
ERRORS, TOTAL = "slo:error_events:rate5m", "slo:total_events:rate5m"
_HISTORY_SECONDS, _LONG_SECONDS = 300.0, 60.0


@dataclass(frozen=True)
class Burn:
    """Both windows must burn faster than `factor`: the long one tells that it matters, the short one that it lasts."""

    factor: str
    long: str
    short: str


PAGE = (Burn("14.4", "1h", "5m"), Burn("6", "6h", "30m"))
TICKET = (Burn("3", "1d", "2h"), Burn("1", "3d", "6h"))


def ratio_name(window: str) -> str:
    """The metric of the share of bad events over a window."""
    return f"slo:sli_error:ratio_rate{window}"


def compiled(file: ObjectiveFile) -> RuleFile:
    """The rules of all objectives of a file."""
    return RuleFile(f"slo/{file.name}", tuple(group for each in file.objectives for group in _groups(each)))


def _groups(objective: Objective) -> list[Group]:
    """Those that others read come first; alerts follow what they read in one group, so that none is a round late."""
    short = tuple(_short(objective, window) for window in SHORT)
    return [
        Group(f"slo-events-{objective.id}", _history(objective), _HISTORY_SECONDS),
        Group(f"slo-periods-{objective.id}", tuple(_long(objective, each) for each in LONG), _LONG_SECONDS),
        Group(f"slo-alerts-{objective.id}", (*short, *_alarms(objective))),
        Group(f"slo-meta-{objective.id}", _meta(objective), _LONG_SECONDS),
    ]


def _short(objective: Objective, window: str) -> Rule:
    errors, total = (query.replace(WINDOW, window) for query in (objective.error_query, objective.total_query))
    return _ratio(objective, window, f"({errors})\n/\n({total})")


def _history(objective: Objective) -> tuple[Rule, ...]:
    """Events of five minutes, each counted once: long windows add these up, and need not read every raw point."""
    queries = ((ERRORS, objective.error_query), (TOTAL, objective.total_query))
    labels = _labels(objective)
    return tuple(Recording(record=name, expr=query.replace(WINDOW, "5m"), labels=labels) for name, query in queries)


def _long(objective: Objective, window: str) -> Rule:
    picked = _selector(objective)
    return _ratio(
        objective,
        window,
        f"sum_over_time({ERRORS}{picked}[{window}])\n/\nsum_over_time({TOTAL}{picked}[{window}])",
    )


def _ratio(objective: Objective, window: str, expr: str) -> Rule:
    return Recording(record=ratio_name(window), expr=expr, labels={**_labels(objective), "sloth_window": window})


def _meta(objective: Objective) -> tuple[Rule, ...]:
    picked, labels = _selector(objective), _labels(objective)
    told = {
        "slo:objective:ratio": f"vector({objective.ratio:f})",
        "slo:error_budget:ratio": f"vector({objective.budget:f})",
        "slo:time_period:days": f"vector({PERIOD_DAYS})",
        "slo:current_burn_rate:ratio": f"{ratio_name('5m')}{picked} / {objective.budget:f}",
        "slo:period_burn_rate:ratio": f"{ratio_name('30d')}{picked} / {objective.budget:f}",
        "slo:period_error_budget_remaining:ratio": f"1 - slo:period_burn_rate:ratio{picked}",
    }
    info = {
        **labels,
        "sloth_mode": "lumina",
        "sloth_objective": f"{objective.percent:f}",
        "sloth_spec": "prometheus/v1",
    }
    rules = [Recording(record=name, expr=expr, labels=labels) for name, expr in told.items()]
    return (*rules, Recording(record="sloth_slo_info", expr="vector(1)", labels=info))


def _alarms(objective: Objective) -> tuple[Rule, ...]:
    wanted = (("page", "critical", objective.page, PAGE), ("ticket", "warning", objective.ticket, TICKET))
    return tuple(_alarm(objective, kind, level, alarm, burns) for kind, level, alarm, burns in wanted if alarm)


def _alarm(objective: Objective, kind: str, severity: str, alarm: Alarm, burns: tuple[Burn, ...]) -> Rule:
    own = {"severity": severity, "sloth_severity": kind}
    notes = {
        "title": f"({kind}) {objective.service} {objective.name}: the error budget burns too fast.",
        "summary": f"{objective.service} {objective.name}: the error budget burns too fast.",
    }
    if objective.description:
        notes["description"] = objective.description.replace("{{", "{ {")
    return Alerting(
        alert=objective.alert,
        expr="\nor\n".join(_burning(objective, burn) for burn in burns),
        labels={**own, **alarm.labels},
        annotations={**notes, **alarm.annotations},
    )


def _burning(objective: Objective, burn: Burn) -> str:
    picked = _selector(objective)
    sides = (
        f"max({ratio_name(window)}{picked} > ({burn.factor} * {objective.budget:f})) without (sloth_window)"
        for window in (burn.short, burn.long)
    )
    return "(" + "\nand\n".join(sides) + ")"


def _labels(objective: Objective) -> Mapping[str, str]:
    ours = {"sloth_id": objective.id, "sloth_service": objective.service, "sloth_slo": objective.name}
    return {**objective.labels, **ours}


def _selector(objective: Objective) -> str:
    return f'{{sloth_id="{objective.id}", sloth_service="{objective.service}", sloth_slo="{objective.name}"}}'
