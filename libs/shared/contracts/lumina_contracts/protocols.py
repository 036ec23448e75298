"""What one app asks of another. The composition root fills each with the other app's service."""

from typing import Protocol

from lumina_contracts.snapshot import KeysPart, RoutesPart


class KeysSource(Protocol):
    """Gives the keys in force to the snapshot. Governance has one."""

    async def keys_part(self) -> KeysPart: ...


class RoutesSource(Protocol):
    """Gives the routes in force to the snapshot. Inference has one."""

    def routes_part(self) -> RoutesPart: ...
