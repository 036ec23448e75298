"""One time that someone read or deleted what people had written."""

from datetime import datetime
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict

from lumina_governance.audit.models import Party, Word


class AccessEntry(BaseModel):
    """Who, what, when, and the reason that was given. `trace_id` null: all of the project's."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    at: datetime
    action: str
    actor: Party
    project_id: UUID
    trace_id: str | None
    records: int
    why: str | None


class AccessSearch(BaseModel):
    """What an entry must have."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    actor: Word | None = None
    trace_id: Word | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
