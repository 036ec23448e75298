"""What can be done with projects."""

from dataclasses import dataclass
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncSession

from lumina_contracts.events import ProjectChanged, ProjectCreated
from lumina_governance.changes import announce, changed
from lumina_governance.limits.models import UNLIMITED
from lumina_governance.people.store import PersonStore
from lumina_governance.projects.models import NewProject, Project, ProjectUpdate
from lumina_governance.projects.store import ProjectStore
from lumina_kit.auth import Principal
from lumina_kit.clock import Clock
from lumina_kit.ledger import Actor


@dataclass(frozen=True)
class Projects:
    """Works in one transaction."""

    session: AsyncSession
    now: Clock

    @property
    def store(self) -> ProjectStore:
        return ProjectStore(self.session)

    async def create(self, new: NewProject, who: Actor) -> Project:
        """Add a project. Raises ProjectTaken, NoBudget."""
        limits = new.limits.applied(UNLIMITED)
        project = Project(id=uuid4(), slug=new.slug, name=new.name or new.slug, created_at=self.now(), limits=limits)
        await self.store.add(project)
        event = ProjectCreated(occurred_at=project.created_at, project_id=project.id, name=project.slug)
        change = changed("project.created", project.slug, who, None, project, project.id)
        await announce(self.session, change, project.created_at, event)
        return project

    async def change(self, project_id: UUID, update: ProjectUpdate, who: Actor) -> Project:
        """Change limits; the same again is no change. Raises ProjectNotFound, NoBudget."""
        before = await self.store.locked(project_id)
        after = before.model_copy(update={"limits": update.limits.applied(before.limits)})
        if after == before:
            return before
        await self.store.set_limits(project_id, after.limits)
        event = ProjectChanged(occurred_at=self.now(), project_id=project_id)
        change = changed("project.changed", after.slug, who, before, after, project_id)
        await announce(self.session, change, event.occurred_at, event)
        return after

    async def visible_to(self, who: Principal) -> list[Project]:
        """The projects that the caller may act in, by slug."""
        every = await self.store.all()
        allowed = await self._allowed(who)
        return [project for project in every if who.everywhere or project.id in allowed]

    async def _allowed(self, who: Principal) -> tuple[UUID, ...]:
        if who.kind == "key":
            return (who.project_id,)
        return (await PersonStore(self.session).get(who.id)).project_ids
