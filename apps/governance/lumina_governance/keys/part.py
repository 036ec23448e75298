"""The keys in force, as the gateway's snapshot wants them."""

from dataclasses import dataclass

from lumina_contracts.snapshot import KeyEntry, KeysPart, ProjectEntry
from lumina_governance.capture.store import CaptureStore
from lumina_governance.keys.models import Key
from lumina_governance.keys.store import KeyStore
from lumina_governance.limits.models import UNLIMITED
from lumina_governance.projects.store import ProjectStore
from lumina_kit.clock import Clock
from lumina_kit.database import Database
from lumina_kit.roles import gateway_scopes


@dataclass(frozen=True)
class KeysInForce:
    """A KeysSource on the database."""

    database: Database
    now: Clock

    async def keys_part(self) -> KeysPart:
        """Every accepted key, the projects with limits and those that capture: always in the same order."""
        async with self.database.session() as session:
            accepted = await KeyStore(session).accepted(self.now())
            projects = await ProjectStore(session).all()
            capturing = await CaptureStore(session).capturing()
        return KeysPart(
            keys=tuple(_entry(sha256, key) for sha256, key in accepted),
            projects=tuple(
                ProjectEntry(id=str(project.id), limits=project.limits.for_gateway())
                for project in projects
                if project.limits != UNLIMITED
            ),
            captures=tuple(map(str, capturing)),
        )


def _entry(sha256: str, key: Key) -> KeyEntry:
    return KeyEntry(
        id=str(key.id),
        sha256=sha256,
        project_id=str(key.project_id),
        scopes=gateway_scopes(key.role, frozenset(key.scopes)),
        role=key.role,
        expires_at=key.expires_at.timestamp() if key.expires_at else None,
        limits=key.limits.for_gateway(),
    )
