"""Metrics as values that can travel between the processes and be added up there."""

from collections.abc import Iterable, Sequence

from msgspec import Struct
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client import Metric as PrometheusFamily
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample as PrometheusSample

from lumina_contracts import attributes as names

Labels = tuple[tuple[str, str], ...]


class Sample(Struct, frozen=True, array_like=True):
    """One line of /metrics."""

    name: str
    labels: Labels
    value: float


class Family(Struct, frozen=True, kw_only=True):
    """One metric with all its lines."""

    name: str
    meaning: str
    kind: str
    samples: tuple[Sample, ...]


def families(registry: CollectorRegistry) -> list[Family]:
    """What a registry holds now."""
    return [
        Family(
            name=family.name,
            meaning=family.documentation,
            kind=family.type,
            samples=tuple(Sample(line.name, tuple(line.labels.items()), line.value) for line in family.samples),
        )
        for family in registry.collect()
    ]


def merged(processes: Iterable[Sequence[Family]]) -> list[Family]:
    """Over several processes: all adds up, but of ages the greatest counts, and of creation times the first."""
    found: dict[str, Family] = {}
    values: dict[str, dict[tuple[str, Labels], float]] = {}
    for process in processes:
        for family in process:
            found.setdefault(family.name, family)
            _add(values.setdefault(family.name, {}), family)
    return [
        Family(
            name=name,
            meaning=family.meaning,
            kind=family.kind,
            samples=tuple(Sample(line, labels, value) for (line, labels), value in values[name].items()),
        )
        for name, family in found.items()
    ]


def text(families: Iterable[Family]) -> bytes:
    """As Prometheus reads it."""
    return generate_latest(_Fixed(families))


class _Fixed(Collector):
    def __init__(self, families: Iterable[Family]) -> None:
        self._families = families

    def collect(self) -> Iterable[PrometheusFamily]:
        for family in self._families:
            shown = PrometheusFamily(family.name, family.meaning, family.kind)
            shown.samples = [PrometheusSample(line.name, dict(line.labels), line.value) for line in family.samples]
            yield shown


def _add(values: dict[tuple[str, Labels], float], family: Family) -> None:
    for sample in family.samples:
        key = (sample.name, sample.labels)
        known = values.get(key)
        values[key] = sample.value if known is None else _joined(family, sample.name, known, sample.value)


def _joined(family: Family, name: str, one: float, other: float) -> float:
    if name.endswith("_created"):
        return min(one, other)
    if family.kind == "gauge" and name.endswith("_seconds"):
        return max(one, other)
    if name == names.BACKEND_AVAILABLE.prometheus:
        return min(one, other)
    return one + other
