"""Metrics as values that can travel between the processes and be shown together."""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct
from prometheus_client import CollectorRegistry
from prometheus_client import Metric as PrometheusFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar as PrometheusExemplar
from prometheus_client.samples import Sample as PrometheusSample

from lumina_contracts import attributes as names

Labels = tuple[tuple[str, str], ...]
_PROCESS = names.PROCESS.replace(".", "_")


class Exemplar(Struct, frozen=True, array_like=True):
    """One request of a bucket. `at` is in Unix seconds."""

    labels: Labels
    value: float
    at: float


class Sample(Struct, frozen=True, array_like=True):
    """One line of /metrics."""

    name: str
    labels: Labels
    value: float
    exemplar: Exemplar | None = None


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
            samples=tuple(
                Sample(line.name, tuple(line.labels.items()), line.value, _exemplar(line)) for line in family.samples
            ),
        )
        for family in registry.collect()
    ]


def together(processes: Mapping[str, Sequence[Family]]) -> list[Family]:
    """All lines of several processes, each with the name of its process: a sum would fall when one of them ends."""
    first: dict[str, Family] = {}
    lines: dict[str, list[Sample]] = {}
    for process, told in processes.items():
        own = (_PROCESS, process)
        for family in told:
            first.setdefault(family.name, family)
            lines.setdefault(family.name, []).extend(
                Sample(line.name, (*line.labels, own), line.value, line.exemplar) for line in family.samples
            )
    return [
        Family(name=name, meaning=family.meaning, kind=family.kind, samples=tuple(lines[name]))
        for name, family in first.items()
    ]


def text(families: Iterable[Family], accept: str) -> tuple[bytes, str]:
    """Prometheus's format or, for who accepts it, that of OpenMetrics, which has exemplars; and its media type."""
    encoder, media = choose_encoder(accept)
    return encoder(_Fixed(families)), media


class _Fixed(Collector):
    def __init__(self, families: Iterable[Family]) -> None:
        self._families = families

    def collect(self) -> Iterable[PrometheusFamily]:
        for family in self._families:
            shown = PrometheusFamily(family.name, family.meaning, family.kind)
            shown.samples = [
                PrometheusSample(line.name, dict(line.labels), line.value, None, _shown(line.exemplar))
                for line in family.samples
            ]
            yield shown


def _exemplar(line: PrometheusSample) -> Exemplar | None:
    known = line.exemplar
    if known is None:
        return None
    return Exemplar(tuple(known.labels.items()), known.value, float(known.timestamp or 0))


def _shown(exemplar: Exemplar | None) -> PrometheusExemplar | None:
    return PrometheusExemplar(dict(exemplar.labels), exemplar.value, exemplar.at) if exemplar else None
