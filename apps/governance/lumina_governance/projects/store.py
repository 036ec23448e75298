"""Projects, and who belongs to them, in the database."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, String, Text, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from lumina_governance.errors import ProjectTaken, no_project
from lumina_governance.limits.columns import LimitsColumns
from lumina_governance.limits.models import Limits
from lumina_governance.projects.models import DEFAULT_SLUG, Project
from lumina_kit.database import Id, Model


class ProjectRow(LimitsColumns, Model):
    __tablename__ = "governance_projects"

    id: Mapped[Id]
    slug: Mapped[str] = mapped_column(String(63), unique=True)
    name: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]


class ProjectStore:
    """Reads and writes in the session's transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, project: Project) -> None:
        """Raises ProjectTaken."""
        row = ProjectRow(**project.model_dump(exclude={"limits"}))
        row.set_limits(project.limits)
        self._session.add(row)
        try:
            await self._session.flush()
        except IntegrityError:
            raise ProjectTaken(f"There is a project {project.slug} already.", next_step="Take another slug.") from None

    async def all(self) -> list[Project]:
        """Every project, by slug."""
        return [_project(row) for row in await self._session.scalars(select(ProjectRow).order_by(ProjectRow.slug))]

    async def named(self, id_or_slug: str) -> Project:
        """The project with this id or slug. Raises ProjectNotFound."""
        row = await self._session.scalar(select(ProjectRow).where(_is(id_or_slug)))
        if row is None:
            raise no_project(id_or_slug)
        return _project(row)

    async def locked(self, project_id: UUID) -> Project:
        """The project with this id; nobody else changes it until the transaction ends. Raises ProjectNotFound."""
        row = await self._session.scalar(select(ProjectRow).where(ProjectRow.id == project_id).with_for_update())
        if row is None:
            raise no_project(str(project_id))
        return _project(row)

    async def set_limits(self, project_id: UUID, limits: Limits) -> None:
        await self._session.execute(update(ProjectRow).where(ProjectRow.id == project_id).values(**limits.columns()))

    async def default(self) -> Project | None:
        """The project that the first start made."""
        row = await self._session.scalar(select(ProjectRow).where(ProjectRow.slug == DEFAULT_SLUG))
        return _project(row) if row else None

    async def missing_of(self, ids: frozenset[UUID]) -> frozenset[UUID]:
        """Those of the ids that are no project's."""
        return ids - frozenset(await self._session.scalars(select(ProjectRow.id).where(ProjectRow.id.in_(ids))))


def _is(id_or_slug: str) -> ColumnElement[bool]:
    try:
        return ProjectRow.id == UUID(id_or_slug)
    except ValueError:
        return ProjectRow.slug == id_or_slug


def _project(row: ProjectRow) -> Project:
    return Project(id=row.id, slug=row.slug, name=row.name, created_at=row.created_at, limits=row.limits)
