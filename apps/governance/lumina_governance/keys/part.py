"""The keys in force, as the gateway's snapshot wants them."""

from dataclasses import dataclass

from lumina_contracts.snapshot import KeyEntry, KeysPart
from lumina_governance.keys.models import Key
from lumina_governance.keys.store import KeyStore
from lumina_kit.clock import Clock
from lumina_kit.database import Database
from lumina_kit.roles import gateway_scopes


@dataclass(frozen=True)
class KeysInForce:
    """A KeysSource on the database."""

    database: Database
    now: Clock

    async def keys_part(self) -> KeysPart:
        """Every accepted key, of all projects, always in the same order."""
        async with self.database.session() as session:
            accepted = await KeyStore(session).accepted(self.now())
        return KeysPart(keys=tuple(_entry(sha256, key) for sha256, key in accepted))


def _entry(sha256: str, key: Key) -> KeyEntry:
    return KeyEntry(
        id=str(key.id),
        sha256=sha256,
        project_id=str(key.project_id),
        scopes=gateway_scopes(key.role, frozenset(key.scopes)),
        role=key.role,
        expires_at=key.expires_at.timestamp() if key.expires_at else None,
    )
