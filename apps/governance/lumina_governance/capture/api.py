"""/api/governance/projects/{project_id}/capture."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter

from lumina_governance.capture.models import Capture, CaptureUpdate
from lumina_governance.errors import ProjectNotFound
from lumina_governance.wiring import CapturesDep
from lumina_kit.auth import Principal, require
from lumina_kit.problems import problems
from lumina_kit.roles import Permission

router = APIRouter(prefix="/projects/{project_id}/capture", tags=["content"])

Reader = Annotated[Principal, require(Permission.PROJECTS_READ)]
Writer = Annotated[Principal, require(Permission.PROJECTS_WRITE)]


@router.get("", responses=problems(ProjectNotFound))
async def read_capture(project_id: UUID, captures: CapturesDep, who: Reader) -> Capture:
    """Whether the project keeps what is asked and answered, since when, and for how many days."""
    return await captures.of(project_id, who)


@router.put("", responses=problems(ProjectNotFound))
async def change_capture(project_id: UUID, to: CaptureUpdate, captures: CapturesDep, who: Writer) -> Capture:
    """Switch capture on or off; at the gateway within a second. What was captured stays for its retention."""
    return await captures.change(project_id, to, who)
