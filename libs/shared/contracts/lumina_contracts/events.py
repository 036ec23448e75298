"""Events: what one app tells the others. CloudEvents 1.0 on the wire; a breaking change is a new class, v2."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID, uuid4

from pydantic import BaseModel, ConfigDict, Field


class Event(BaseModel):
    """Something that happened. A leaf fixes `type` and adds its data."""

    model_config = ConfigDict(frozen=True)

    id: UUID = Field(default_factory=uuid4)
    type: str
    source: str = "lumina"
    occurred_at: datetime
    project_id: UUID | None = None

    def cloudevent(self) -> dict[str, Any]:
        """The structured form of CloudEvents 1.0 (JSON event format)."""
        data = self.model_dump(mode="json", exclude={"id", "type", "source", "occurred_at"})
        return {
            "specversion": "1.0",
            "id": str(self.id),
            "type": self.type,
            "source": self.source,
            "time": self.occurred_at.isoformat(),
            "datacontenttype": "application/json",
            "data": data,
        }


class ProjectCreated(Event):
    """A project exists. Published by governance."""

    type: Literal["dev.lumina.project.created.v1"] = "dev.lumina.project.created.v1"
    name: str


class ProjectChanged(Event):
    """A project has other limits, or captures content from now on or no longer. Published by governance."""

    type: Literal["dev.lumina.project.changed.v1"] = "dev.lumina.project.changed.v1"


class PersonChanged(Event):
    """A person was added, changed or disabled. Published by governance."""

    type: Literal["dev.lumina.person.changed.v1"] = "dev.lumina.person.changed.v1"
    person_id: UUID


class KeyCreated(Event):
    """A key is in force. Published by governance."""

    type: Literal["dev.lumina.key.created.v1"] = "dev.lumina.key.created.v1"
    key_id: UUID


class KeyChanged(Event):
    """A key in force has other limits. Published by governance."""

    type: Literal["dev.lumina.key.changed.v1"] = "dev.lumina.key.changed.v1"
    key_id: UUID


class KeyRevoked(Event):
    """A key is no longer accepted. Published by governance."""

    type: Literal["dev.lumina.key.revoked.v1"] = "dev.lumina.key.revoked.v1"
    key_id: UUID


class GatewayConfigChanged(Event):
    """The gateway's configuration file changed, and the new one serves. Published by inference."""

    type: Literal["dev.lumina.gateway_config.changed.v1"] = "dev.lumina.gateway_config.changed.v1"
    sha256_before: str | None
    sha256_after: str | None
