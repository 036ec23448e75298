"""The table of names, beside what the OpenTelemetry conventions have published."""

from types import ModuleType
from typing import Any

import pytest
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes
from opentelemetry.semconv._incubating.metrics import gen_ai_metrics
from opentelemetry.semconv.attributes import error_attributes, http_attributes, server_attributes
from opentelemetry.semconv.schemas import Schemas

from lumina_contracts import attributes as names
from lumina_contracts.attributes import Metric

ATTRIBUTES = (gen_ai_attributes, error_attributes, http_attributes, server_attributes)
ADVISED_BUCKETS = {
    "s": (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92),
    "{token}": (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864),
}


class Meter:
    """Notes what the official package would create."""

    def __init__(self) -> None:
        self.created: dict[str, tuple[str, str]] = {}

    def create_histogram(self, name: str, description: str, unit: str) -> None:
        self.created[name] = ("histogram", unit)


def published(*modules: ModuleType) -> set[str]:
    return {value for module in modules for name, value in vars(module).items() if name.isupper()}


def published_metrics() -> dict[str, tuple[str, str]]:
    """Kind and unit of each by its name."""
    meter: Any = Meter()
    for name, create in vars(gen_ai_metrics).items():
        if name.startswith("create_"):
            create(meter)
    created: dict[str, tuple[str, str]] = meter.created
    return created


def foreign(metrics: tuple[Metric, ...]) -> list[Metric]:
    return [metric for metric in metrics if not metric.name.startswith("lumina.")]


def test_every_name_that_is_not_our_own_is_published() -> None:
    told = {attribute.name for attribute in names.SPAN_ATTRIBUTES} | {names.TOKEN_TYPE}
    told |= {label for metric in names.METRICS for label in metric.labels if "." in label}

    assert {name for name in told if not name.startswith("lumina.")} <= published(*ATTRIBUTES)


@pytest.mark.parametrize("metric", foreign(names.METRICS), ids=lambda metric: metric.name)
def test_published_metrics_have_their_kind_unit_and_buckets(metric: Metric) -> None:
    assert published_metrics()[metric.name] == (metric.kind, metric.unit)
    assert metric.buckets == ADVISED_BUCKETS[metric.unit]


def test_names_of_the_draft_are_taken_up_once_they_are_published() -> None:
    assert not [name for name in published_metrics() if "inference" in name]


def test_the_schema_is_the_newest_that_is_published() -> None:
    assert list(Schemas)[-1].value == names.SCHEMA_URL


def test_no_name_stands_twice_in_the_table() -> None:
    spans = [attribute.name for attribute in names.SPAN_ATTRIBUTES]
    metrics = [metric.prometheus for metric in names.METRICS]

    assert (len(spans), len(metrics)) == (len(set(spans)), len(set(metrics)))
