"""Prometheus' rule files, read as strictly as promtool does, and expressions beyond what we evaluate refused."""

import re
from collections.abc import Callable, Mapping

from lumina_kit.errors import LuminaError
from lumina_telemetry.rules import templates, yamlfile
from lumina_telemetry.rules.definitions import Alerting, Group, Recording, Rule, RuleFile
from lumina_telemetry.rules.yamlfile import Fields, Value

Check = Callable[[str], None]
"""Raises a LuminaError unless the expression is within what the engine evaluates."""

_METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_RULE_FIELDS = ("record", "alert", "expr", "for", "keep_firing_for", "labels", "annotations")
_OF_ALERTS = ("for", "keep_firing_for", "annotations")
_RESERVED = ("__name__", "alertname", "alertstate")


def read_rules(name: str, body: bytes, check: Check) -> RuleFile:
    """The groups of a file. Raises BadFile with the line and the field that is wrong."""
    groups: list[Group] = []
    for value in yamlfile.read(body).fields("groups").need("groups").items():
        group = _group(value, check)
        if any(group.name == other.name for other in groups):
            raise value.wrong(f"a group {group.name!r} is there already")
        groups.append(group)
    return RuleFile(name, tuple(groups))


def _group(value: Value, check: Check) -> Group:
    fields = value.fields("name", "interval", "limit", "rules")
    rules = fields.get("rules")
    limit = fields.get("limit")
    return Group(
        fields.need("name").text(),
        tuple(_rule(rule, check) for rule in (rules.items() if rules else ())),
        fields.seconds("interval") or None,
        limit.whole() if limit else 0,
    )


def _rule(value: Value, check: Check) -> Rule:
    fields = value.fields(*_RULE_FIELDS)
    record, alert = fields.get("record"), fields.get("alert")
    if (record is None) == (alert is None):
        raise value.wrong("must have either record or alert")
    expr = _expression(fields.need("expr"), check)
    return _recording(record, fields, expr) if record else _alerting(value, fields, expr)


def _recording(record: Value, fields: Fields, expr: str) -> Recording:
    for name in _OF_ALERTS:
        if extra := fields.get(name):
            raise extra.wrong("is for alerts only, and this rule records")
    name = record.text()
    if not _METRIC.fullmatch(name):
        raise record.wrong(f"{name!r} is no name of a metric")
    return Recording(record=name, expr=expr, labels=_labels(fields, templates_serve=False), line=record.line)


def _alerting(value: Value, fields: Fields, expr: str) -> Alerting:
    name = fields.need("alert").text()
    if not name:
        raise fields.need("alert").wrong("must not be empty")
    return Alerting(
        alert=name,
        expr=expr,
        hold=fields.seconds("for") or 0.0,
        keep=fields.seconds("keep_firing_for") or 0.0,
        labels=_labels(fields, templates_serve=True),
        annotations=templated(fields, "annotations"),
        line=value.line,
    )


def _expression(value: Value, check: Check) -> str:
    text = value.text()
    try:
        check(text)
    except LuminaError as error:
        raise value.wrong(" ".join(filter(None, (error.message, error.next_step)))) from None
    return text


def _labels(fields: Fields, *, templates_serve: bool) -> Mapping[str, str]:
    found = fields.get("labels")
    labels = found.texts() if found else {}
    for name, text in labels.items():
        assert found is not None
        if not _LABEL.fullmatch(name) or name in _RESERVED:
            raise found.wrong(f"{name!r} cannot be a label of a rule")
        if templates_serve:
            _checked(found, name, text)
    return labels


def templated(fields: Fields, name: str) -> Mapping[str, str]:
    """A mapping of names to templates. Raises BadFile for what is no name, or a template beyond what is supported."""
    found = fields.get(name)
    texts = found.texts() if found else {}
    for key, text in texts.items():
        assert found is not None
        if not _LABEL.fullmatch(key):
            raise found.wrong(f"{key!r} cannot be a name here")
        _checked(found, key, text)
    return texts


def _checked(owner: Value, name: str, text: str) -> None:
    try:
        templates.check(text)
    except ValueError as error:
        raise owner.wrong(f"{name}: {error}") from None
