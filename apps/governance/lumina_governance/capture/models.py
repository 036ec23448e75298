"""Whether a project keeps what is asked and answered, and for how long."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from lumina_kit.ledger import Actor

MOST_DAYS = 365

Days = Annotated[int, Field(ge=1, le=MOST_DAYS)]


class CaptureChanger(BaseModel):
    """Who changed it last."""

    model_config = ConfigDict(frozen=True)

    kind: str
    id: str
    name: str

    @classmethod
    def of(cls, actor: Actor) -> Self:
        return cls(kind=actor.kind, id=actor.id, name=actor.name)


class Capture(BaseModel):
    """Off unless switched on. What was captured before it was switched off is kept for `retention_days` still."""

    model_config = ConfigDict(frozen=True)

    enabled: bool = False
    retention_days: Days | None = None
    since: datetime | None = None
    changed_by: CaptureChanger | None = None

    def decides_as(self, other: "Capture") -> bool:
        """Whether both come to the same, whoever decided and when."""
        return (self.enabled, self.retention_days) == (other.enabled, other.retention_days)


class CaptureUpdate(BaseModel):
    """Switch capture on for so many days of retention, or off."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool
    retention_days: Days | None = None
    why: Annotated[str | None, Field(max_length=500)] = None

    @model_validator(mode="after")
    def _has_an_end(self) -> Self:
        if self.enabled and self.retention_days is None:
            raise ValueError(f"capture needs retention_days, 1 to {MOST_DAYS}: content is not kept for ever")
        return self

    def applied(self, before: Capture, who: Actor, now: datetime) -> Capture:
        """The project's capture as changed. Switched off without a number, the retention stays."""
        return Capture(
            enabled=self.enabled,
            retention_days=self.retention_days or before.retention_days,
            since=now,
            changed_by=CaptureChanger.of(who),
        )


class CaptureOf(BaseModel):
    """A project's capture, as the ledger keeps it."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    capture: Capture
