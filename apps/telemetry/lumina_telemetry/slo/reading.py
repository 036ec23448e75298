"""Sloth's objective files, version prometheus/v1: the part that is supported, anything else refused."""

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from lumina_kit.errors import LuminaError
from lumina_telemetry.rules import yamlfile
from lumina_telemetry.rules.reading import Check, templated
from lumina_telemetry.rules.yamlfile import Fields, Value
from lumina_telemetry.slo.objectives import WINDOW, Alarm, Objective, ObjectiveFile

VERSION = "prometheus/v1"
MOST_OBJECTIVES = 50
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,62}")
_TEMPLATE = re.compile(r"\{\{\s*\.window\s*\}\}")
_OTHER_SLIS = ("raw", "plugin", "denominator_corrected")


def read_objectives(name: str, body: bytes, check: Check) -> ObjectiveFile:
    """The objectives of a file. Raises BadFile with the line and the field that is wrong."""
    root = yamlfile.read(body).fields("version", "service", "labels", "slos")
    version = root.need("version")
    if version.text() != VERSION:
        raise version.wrong(f"{version.text()!r} is not supported; {VERSION} is")
    service, labels = _name(root.need("service")), _plain(root)
    values = root.need("slos").items()
    if not 0 < len(values) <= MOST_OBJECTIVES:
        raise root.need("slos").wrong(f"must have 1 to {MOST_OBJECTIVES} objectives")
    found: dict[str, Objective] = {}
    for value in values:
        objective = _objective(value, service, labels, check)
        if objective.name in found:
            raise value.wrong(f"an objective {objective.name!r} is there already")
        found[objective.name] = objective
    return ObjectiveFile(name, tuple(found.values()))


def _objective(value: Value, service: str, labels: Mapping[str, str], check: Check) -> Objective:
    fields = value.fields("name", "description", "objective", "labels", "sli", "alerting")
    events = _events(fields.need("sli"))
    alerting = fields.need("alerting").fields("name", "labels", "annotations", "page_alert", "ticket_alert")
    page, ticket = _alarm(alerting, "page_alert"), _alarm(alerting, "ticket_alert")
    if (page or ticket) and not alerting.text("name"):
        raise fields.need("alerting").wrong("name is missing, and alerts are not disabled")
    return Objective(
        service=service,
        name=_name(fields.need("name")),
        percent=_percent(fields.need("objective")),
        description=fields.text("description"),
        error_query=_query(events.need("error_query"), check),
        total_query=_query(events.need("total_query"), check),
        labels={**labels, **_plain(fields)},
        alert=alerting.text("name"),
        page=page,
        ticket=ticket,
    )


def _events(sli: Value) -> Fields:
    fields = sli.fields("events", *_OTHER_SLIS)
    for other in _OTHER_SLIS:
        if value := fields.get(other):
            raise value.wrong("is not supported; write the objective with sli.events")
    return fields.need("events").fields("error_query", "total_query")


def _alarm(alerting: Fields, name: str) -> Alarm | None:
    value = alerting.get(name)
    fields = value.fields("disable", "labels", "annotations") if value else None
    if fields is not None and (disable := fields.get("disable")) and disable.flag():
        return None
    labels, notes = templated(alerting, "labels"), templated(alerting, "annotations")
    if fields is not None:
        labels, notes = {**labels, **templated(fields, "labels")}, {**notes, **templated(fields, "annotations")}
    return Alarm(labels, notes)


def _query(value: Value, check: Check) -> str:
    text = _TEMPLATE.sub(WINDOW, value.text().strip())
    if WINDOW not in text or "{{" in text.replace(WINDOW, ""):
        raise value.wrong(f"must have {WINDOW} for its range, and no other template")
    try:
        check(text.replace(WINDOW, "5m"))
    except LuminaError as error:
        raise value.wrong(" ".join(filter(None, (error.message, error.next_step)))) from None
    return text


def _percent(value: Value) -> Decimal:
    try:
        percent = Decimal(value.text())
    except InvalidOperation:
        percent = Decimal(0)
    if not percent.is_finite() or not 0 < percent < 100:
        raise value.wrong(f"{value.text()!r} is not a percentage above 0 and below 100")
    return percent


def _name(value: Value) -> str:
    if not _NAME.fullmatch(value.text()):
        raise value.wrong(f"{value.text()!r} must have letters, digits, - and _ only, 63 at most")
    return value.text()


def _plain(fields: Fields) -> Mapping[str, str]:
    """Labels that recorded series get too, and so without templates."""
    labels = templated(fields, "labels")
    for name, text in labels.items():
        if "{{" in text:
            raise fields.need("labels").wrong(f"{name} must be plain text")
    return labels
