"""/api/governance/projects."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from lumina_governance.errors import ProjectTaken
from lumina_governance.projects.models import Label, Project, Slug
from lumina_governance.wiring import ProjectsDep
from lumina_kit.auth import Principal, require
from lumina_kit.pages import BadCursor, Cursor, Limit, Page, page_after
from lumina_kit.problems import problems
from lumina_kit.roles import Permission

router = APIRouter(prefix="/projects", tags=["projects"])

Reader = Annotated[Principal, require(Permission.PROJECTS_READ)]
Writer = Annotated[Principal, require(Permission.PROJECTS_WRITE)]


class NewProject(BaseModel):
    """A project to add; without a name its slug serves as one."""

    model_config = ConfigDict(extra="forbid")

    slug: Slug
    name: Label | None = None


@router.get("", responses=problems(BadCursor))
async def list_projects(projects: ProjectsDep, who: Reader, cursor: Cursor = None, limit: Limit = 100) -> Page[Project]:
    """The projects that the caller may act in, by slug."""
    return page_after(await projects.visible_to(who), lambda project: project.slug, cursor, limit)


@router.post("", status_code=201, responses=problems(ProjectTaken))
async def create_project(new: NewProject, projects: ProjectsDep, who: Writer) -> Project:
    """Add a project. Act in it with the header `X-Lumina-Project`."""
    return await projects.create(new.slug, new.name or new.slug, who.actor)
