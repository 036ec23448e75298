"""The keys that the gateway accepts: those of the database, and the master key of a LiteLLM configuration."""

from dataclasses import dataclass

from msgspec.structs import replace

from lumina_contracts.snapshot import KeysPart
from lumina_governance.projects.store import ProjectStore
from lumina_governance.wiring import Governance
from lumina_inference.service import Inference


@dataclass(frozen=True)
class AllKeys:
    """A KeysSource of two. The file's master key belongs to the default project, and serves inference alone."""

    governance: Governance
    inference: Inference

    async def keys_part(self) -> KeysPart:
        stored = await self.governance.keys_in_force.keys_part()
        async with self.governance.database.session() as session:
            project = await ProjectStore(session).default()
        master = self.inference.master_key(str(project.id)) if project else None
        return replace(stored, keys=(*stored.keys, master)) if master else stored
