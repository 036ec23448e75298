"""/api/governance/projects."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter

from lumina_governance.errors import NoBudget, ProjectNotFound, ProjectTaken
from lumina_governance.projects.models import NewProject, Project, ProjectUpdate
from lumina_governance.wiring import ProjectsDep
from lumina_kit.auth import Principal, require
from lumina_kit.pages import BadCursor, Cursor, Limit, Page, page_after
from lumina_kit.problems import problems
from lumina_kit.roles import Permission

router = APIRouter(prefix="/projects", tags=["projects"])

Reader = Annotated[Principal, require(Permission.PROJECTS_READ)]
Writer = Annotated[Principal, require(Permission.PROJECTS_WRITE)]


@router.get("", responses=problems(BadCursor))
async def list_projects(projects: ProjectsDep, who: Reader, cursor: Cursor = None, limit: Limit = 100) -> Page[Project]:
    """The projects that the caller may act in, by slug."""
    return page_after(await projects.visible_to(who), lambda project: project.slug, cursor, limit)


@router.post("", status_code=201, responses=problems(ProjectTaken, NoBudget))
async def create_project(new: NewProject, projects: ProjectsDep, who: Writer) -> Project:
    """Add a project. Act in it with the header `X-Lumina-Project`."""
    return await projects.create(new, who.actor)


@router.patch("/{project_id}", responses=problems(ProjectNotFound, NoBudget))
async def change_project(project_id: UUID, update: ProjectUpdate, projects: ProjectsDep, who: Writer) -> Project:
    """Change a project's limits, which hold for all of its keys together; at the gateway within a second."""
    return await projects.change(project_id, update, who.actor)
