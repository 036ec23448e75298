"""A project is a tenant: what belongs to one is not seen from another."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, StringConstraints

from lumina_governance.limits.models import Limits, LimitsUpdate

DEFAULT_SLUG = "default"

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$")]
Label = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120, pattern=r"^[^\x00-\x1f\x7f]+$")
]


class Project(BaseModel):
    """`slug` is its short name, unique in this Lumina. Its limits hold for all of its keys together."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    slug: Slug
    name: Label
    created_at: datetime
    limits: Limits


class NewProject(BaseModel):
    """A project to add; without a name its slug serves as one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    slug: Slug
    name: Label | None = None
    limits: LimitsUpdate = LimitsUpdate()


class ProjectUpdate(BaseModel):
    """What to change of a project; what is absent stays."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    limits: LimitsUpdate = LimitsUpdate()
