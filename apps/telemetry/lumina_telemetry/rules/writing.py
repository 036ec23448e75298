"""Rules as a rule file of Prometheus."""

from collections.abc import Iterable

import yaml

from lumina_telemetry.rules.definitions import Group, Recording, Rule, RuleFile
from lumina_telemetry.rules.durations import written


def as_yaml(files: Iterable[RuleFile]) -> str:
    """All groups of these files as one file."""
    groups = [_group(group) for file in files for group in file.groups]
    return yaml.safe_dump({"groups": groups}, sort_keys=False, allow_unicode=True, width=1000)


def _group(group: Group) -> dict[str, object]:
    told: dict[str, object] = {"name": group.name}
    if group.interval:
        told["interval"] = written(group.interval)
    if group.limit:
        told["limit"] = group.limit
    return {**told, "rules": [_rule(rule) for rule in group.rules]}


def _rule(rule: Rule) -> dict[str, object]:
    if isinstance(rule, Recording):
        told: dict[str, object] = {"record": rule.record, "expr": rule.expr, "labels": dict(rule.labels)}
    else:
        times = {"for": rule.hold, "keep_firing_for": rule.keep}
        told = {"alert": rule.alert, "expr": rule.expr}
        told |= {name: written(seconds) for name, seconds in times.items() if seconds}
        told |= {"labels": dict(rule.labels), "annotations": dict(rule.annotations)}
    return {name: value for name, value in told.items() if value}
