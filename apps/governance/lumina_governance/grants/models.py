"""A permission that no role has, given to one person or key in one project, and for a time."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from lumina_kit.roles import Permission

MOST_HOURS = 30 * 24

Reason = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f]+$")
]
HolderKind = Literal["person", "key"]


class Grantable(StrEnum):
    """What can be granted; a test holds it against the table of roles."""

    CONTENT_READ = Permission.CONTENT_READ.value


class Grant(BaseModel):
    """In force until it expires or is revoked."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    permission: Grantable
    holder_kind: HolderKind
    holder_id: UUID
    holder_name: str
    project_id: UUID
    granted_by: str
    why: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None


class NewGrant(BaseModel):
    """For how long, in hours, and why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    hours: Annotated[int, Field(ge=1, le=MOST_HOURS)]
    why: Reason
