"""Names of hosts' and processes' metrics, beside those that the OpenTelemetry conventions have published."""

from types import ModuleType
from typing import Any

import pytest
from opentelemetry.semconv._incubating.metrics import hw_metrics, process_metrics, system_metrics
from opentelemetry.semconv.attributes import service_attributes
from prometheus_client import CollectorRegistry

from lumina_telemetry.intake.naming import metric_name
from lumina_telemetry.reporting import encode
from lumina_telemetry.resources.measured import KINDS, LOAD, Kind

THEIRS = tuple(kind for kind in KINDS if not kind.name.startswith("lumina.") and kind is not LOAD)


class Meter:
    """Notes what the official package would create: kind and unit by name."""

    def __init__(self) -> None:
        self.created: dict[str, tuple[str, str]] = {}

    def __getattr__(self, method: str) -> Any:
        kind = method.removeprefix("create_").removeprefix("observable_")

        def create(name: str, *_callbacks: object, unit: str, **_told: object) -> None:
            self.created[name] = ("counter" if kind == "counter" else "gauge", unit)

        return create


def published(*modules: ModuleType) -> dict[str, tuple[str, str]]:
    meter = Meter()
    for module in modules:
        for name, create in vars(module).items():
            if name.startswith("create_"):
                observed: dict[str, Any] = {"callbacks": []} if "callbacks" in create.__annotations__ else {}
                create(meter, **observed)
    return meter.created


PUBLISHED = published(system_metrics, process_metrics, hw_metrics)


@pytest.mark.parametrize("kind", THEIRS, ids=lambda kind: kind.name)
def test_a_collectors_metric_of_the_same_name_has_the_same_name_in_prometheus(kind: Kind) -> None:
    theirs, unit = PUBLISHED[kind.name]

    assert theirs == ("counter" if kind.counter else "gauge")
    ours = f"{kind.prometheus}_total" if kind.counter else kind.prometheus
    assert metric_name(kind.name, unit, theirs) == ours


def test_resource_of_a_report_has_published_names() -> None:
    sent = encode(CollectorRegistry(), "lumina-control", "control", 1, 2)

    names = {pair.key for pair in sent.resource_metrics[0].resource.attributes}
    assert names <= {value for name, value in vars(service_attributes).items() if name.isupper()}
