"""What one app asks of another. The composition root fills each with the other app's service."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, Protocol
from uuid import UUID

from lumina_contracts.provenance import Behind, Served
from lumina_contracts.snapshot import KeysPart, RoutesPart


class KeysSource(Protocol):
    """Gives the keys in force to the snapshot. Governance has one."""

    async def keys_part(self) -> KeysPart: ...


class RoutesSource(Protocol):
    """Gives the routes in force to the snapshot. Inference has one."""

    def routes_part(self) -> RoutesPart: ...


class Provenance(Protocol):
    """Tells what stands behind each of some requests, in their order. Governance has one."""

    async def behind(self, served: Sequence[Served]) -> list[Behind]: ...


@dataclass(frozen=True)
class Retention:
    """What a project decided about content: whether it is captured, and how long it is kept."""

    capturing: bool
    keep: timedelta


class Retentions(Protocol):
    """Tells what projects decided about content. Governance has one."""

    async def retentions(self) -> Mapping[UUID, Retention]:
        """Of every project that has ever decided; others capture nothing."""
        ...


Action = Literal["content.read", "content.deleted"]


@dataclass(frozen=True)
class Access:
    """Someone's reading or deleting of content. `trace_id` None: all of the project's."""

    action: Action
    actor_kind: str
    actor_id: str
    actor_name: str
    project_id: UUID
    trace_id: str | None
    records: int
    why: str | None


class AccessLog(Protocol):
    """Notes who touched content. Governance has one."""

    async def note(self, access: Access) -> None:
        """Returns once the entry is on disk."""
        ...
