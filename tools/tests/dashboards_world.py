"""The queries of the dashboards, and what they may be about: the metrics and labels that Lumina emits."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import promql_parser as promql
import yaml
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from lumina_contracts.attributes import METRICS
from lumina_telemetry.alerts.measures import AlertMeasures
from lumina_telemetry.measures import Measures
from lumina_telemetry.resources.measured import KINDS, Reading, families

GRAFANA = Path(__file__).parents[2] / "infra" / "grafana"
DASHBOARDS = sorted((GRAFANA / "dashboards").glob("*.json"))
FILLED = {"$__rate_interval": "1m", "$__range": "1h", "$route": ".*", "$backend": ".*", "$model": ".*", "$host": ".*"}
SCRAPED = {"job", "instance", "le"}
"""Labels that every scraped series gets, and that every bucket has."""
OF_ALERTS = {"ALERTS": {"alertname", "alertstate", "severity"}}
_VALUES = re.compile(r"label_values\((\w+), (\w+)\)")

Emitted = Mapping[str, set[str]]
"""Labels of each metric."""


def read(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def targets(file: Path) -> list[dict[str, Any]]:
    """Every query of a dashboard's panels, with the variables filled in."""
    return [
        {**target, "expr": filled(target["expr"])}
        for panel in read(file)["panels"]
        for target in panel.get("targets", [])
    ]


def choices(file: Path) -> list[tuple[str, str]]:
    """Metric and label of every variable that is filled by a query."""
    listed = [variable for variable in read(file)["templating"]["list"] if variable["type"] == "query"]
    return [_VALUES.fullmatch(variable["query"]).groups() for variable in listed]  # type: ignore[union-attr,misc]  # it fails where it is no such query


def filled(expression: str) -> str:
    for name, value in FILLED.items():
        expression = expression.replace(name, value)
    assert "$" not in expression, expression
    return expression


def uses(expression: str) -> set[tuple[str, str]]:
    """Metrics, each with every label that is asked of it; with "" for the metric itself."""
    return set(_uses(promql.parse(expression)))


def emitted(*expositions: str) -> dict[str, set[str]]:
    """What expositions tell: the names as a query has them, and the labels that were seen."""
    found: dict[str, set[str]] = defaultdict(set)
    for text in expositions:
        for family in text_string_to_metric_families(text):
            found.update({name: found[name] for name in _names(family.name, family.type)})
            for sample in family.samples:
                found[sample.name].update(sample.labels)
    return found


def declared() -> dict[str, set[str]]:
    """The labels of metrics that have no sample until something goes wrong, or is set up, as their code has them."""
    measures, registry = Measures(), CollectorRegistry()
    alerts = AlertMeasures(registry)
    measures.dropped("spans", "duplicate")
    measures.stripped("genai")
    measures.forwarded("spans", "sent", 1)
    alerts.sent("webhook-1", "ok")
    alerts.dropped("webhook-1", "refused")
    found = emitted(*(generate_latest(each).decode() for each in (measures.registry, registry)))
    for metric in METRICS:
        for name in _names(metric.prometheus.removesuffix("_total"), metric.kind):
            found[name].update(label.replace(".", "_") for label in metric.labels)
    return found


def gpus() -> dict[str, set[str]]:
    """What is emitted only where there is a GPU."""
    kinds = [kind for kind in KINDS if kind.name.startswith("hw.gpu.")]
    shown = families(Reading(kind, 1.0, ("0",) * len(kind.labels)) for kind in kinds)
    return {family.name: {label for sample in family.samples for label in sample.labels} | SCRAPED for family in shown}


def recorded(rule_file: str) -> dict[str, set[str]]:
    """What the rules of a Prometheus rule file record."""
    found: dict[str, set[str]] = defaultdict(set)
    for group in yaml.safe_load(rule_file)["groups"]:
        for rule in group["rules"]:
            if "record" in rule:
                found[rule["record"]].update(rule.get("labels", {}))
    return found


def _names(family: str, kind: str) -> list[str]:
    if kind == "histogram":
        return [f"{family}_bucket", f"{family}_sum", f"{family}_count"]
    return [f"{family}_total"] if kind == "counter" else [family]


def _uses(node: Any) -> Iterator[tuple[str, str]]:
    if isinstance(node, promql.VectorSelector):
        assert node.name, "a selector without a metric's name can not be checked"
        yield node.name, ""
        yield from ((node.name, matcher.name) for matcher in node.matchers.matchers)
        return
    below = [found for child in _children(node) for found in _uses(child)]
    yield from below
    if isinstance(node, promql.AggregateExpr) and node.modifier is not None:
        yield from ((metric, label) for metric, _ in below for label in node.modifier.labels)


def _children(node: Any) -> list[Any]:
    single = (getattr(node, name, None) for name in ("expr", "lhs", "rhs", "vector_selector", "param"))
    return [*(child for child in single if child is not None), *getattr(node, "args", [])]
