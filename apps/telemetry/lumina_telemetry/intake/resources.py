"""Resources of an export request: each set of attributes once, under its hash."""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b

import msgspec
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from lumina_telemetry.intake.sender import Tally
from lumina_telemetry.intake.values import Bounds, attributes
from lumina_telemetry.rows import ResourceRow
from lumina_telemetry.settings import TelemetrySettings

_UNNAMED = "unknown_service"


@dataclass(frozen=True)
class Origin:
    """What rows say of their resource."""

    id: int
    service: str


class Resources:
    """The resources of one request."""

    def __init__(self, settings: TelemetrySettings, tally: Tally) -> None:
        self._bounds = Bounds.of(settings, tally.cut)
        self._rows: dict[int, ResourceRow] = {}

    @property
    def rows(self) -> list[ResourceRow]:
        return list(self._rows.values())

    def origin(self, pairs: Iterable[KeyValue]) -> Origin:
        """Note a resource."""
        found = attributes(pairs, self._bounds)
        encoded = msgspec.json.encode(found, order="sorted")
        number = int.from_bytes(blake2b(encoded, digest_size=8).digest())
        self._rows.setdefault(number, ResourceRow(id=number, attributes=encoded.decode()))
        service = found.get("service.name")
        return Origin(number, self._bounds.name(service) if isinstance(service, str) and service else _UNNAMED)
