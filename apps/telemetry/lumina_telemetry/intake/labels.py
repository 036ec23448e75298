"""Attributes of a point as labels."""

from collections.abc import Iterable, Mapping

import msgspec
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from lumina_telemetry.intake.naming import label_name
from lumina_telemetry.intake.sender import Sender
from lumina_telemetry.intake.values import plain

MOST_LABELS = 64
LONGEST_VALUE = 512
LONGEST_TOGETHER = 4096
"""Characters of all names and values of one point: series are held in memory."""
PROJECT_LABEL = "lumina_project_id"
"""On each point of a project. Nobody outside can set it: labels that begin with `lumina_` are dropped."""
_OWN = "lumina_"
_OF_READING = frozenset({"le", "quantile"})
_MOST_REMEMBERED = 20_000

Labels = tuple[tuple[str, str], ...]


class Labelling:
    """Labels by the attributes they come from; remembered, since points come with the same ones again and again."""

    def __init__(self) -> None:
        self._remembered: dict[object, Labels | None] = {}

    def labels(self, target: Labels, pairs: Iterable[KeyValue], sender: Sender) -> Labels | None:
        """Sorted labels; None: there are too many, or they are too long."""
        given = tuple((pair.key, pair.value.SerializeToString()) for pair in pairs)
        if sum(len(key) + len(value) for key, value in given) > 2 * LONGEST_TOGETHER:
            return self._made(target, pairs, sender)
        remembered = (target, given, sender.ours, sender.project)
        if remembered not in self._remembered:
            if len(self._remembered) >= _MOST_REMEMBERED:
                self._remembered.clear()
            self._remembered[remembered] = self._made(target, pairs, sender)
        return self._remembered[remembered]

    def _made(self, target: Labels, pairs: Iterable[KeyValue], sender: Sender) -> Labels | None:
        found: dict[str, str] = {}
        for pair in sorted(pairs, key=lambda each: each.key):
            _add(found, label_name(pair.key), text(pair))
        if not sender.ours:
            found = {name: value for name, value in found.items() if not name.startswith(_OWN)}
        if sender.project is not None:
            found[PROJECT_LABEL] = sender.project
        found.update(target)
        kept = {name: value for name, value in found.items() if value and name not in _OF_READING}
        fits = len(kept) <= MOST_LABELS and sum(map(len, (*kept, *kept.values()))) <= LONGEST_TOGETHER
        return tuple(sorted(kept.items())) if fits else None


def target(resource: Mapping[str, str]) -> Labels:
    """`job` and `instance` of a resource, given as `texts` has it."""
    service, namespace = resource.get("service.name", ""), resource.get("service.namespace", "")
    job = f"{namespace}/{service}" if namespace and service else service
    return (("job", job or "unknown_service"), ("instance", resource.get("service.instance.id", "")))


def texts(pairs: Iterable[KeyValue]) -> dict[str, str]:
    return {pair.key: text(pair) for pair in pairs if pair.key.startswith("service.")}


def text(pair: KeyValue) -> str:
    """A value as a label has it."""
    value = plain(pair.value)
    given = value if isinstance(value, str) else "" if value is None else msgspec.json.encode(value).decode()
    return given[:LONGEST_VALUE].replace("\0", "")


def _add(found: dict[str, str], name: str, value: str) -> None:
    """Attributes that become the same label are joined, as the specification has it."""
    found[name] = f"{found[name]};{value}" if name in found else value
