"""Switching capture on and off."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from lumina_contracts.events import ProjectChanged
from lumina_governance.capture.models import Capture, CaptureOf, CaptureUpdate
from lumina_governance.capture.store import CaptureStore
from lumina_governance.changes import announce, changed
from lumina_governance.errors import no_project
from lumina_governance.projects.service import Projects
from lumina_governance.projects.store import ProjectStore
from lumina_kit.auth import Principal
from lumina_kit.clock import Clock


@dataclass(frozen=True)
class Captures:
    """Works in one transaction."""

    session: AsyncSession
    now: Clock

    async def of(self, project_id: UUID, who: Principal) -> Capture:
        """Raises ProjectNotFound, for one that is not the caller's too."""
        visible = await Projects(self.session, self.now).visible_to(who)
        if project_id not in {project.id for project in visible}:
            raise no_project(str(project_id))
        return await CaptureStore(self.session).of(project_id)

    async def change(self, project_id: UUID, update: CaptureUpdate, who: Principal) -> Capture:
        """Switch on or off; the same again is no change. Raises ProjectNotFound."""
        store = CaptureStore(self.session)
        project = await ProjectStore(self.session).locked(project_id)
        before = await store.of(project_id)
        after = update.applied(before, who.actor, self.now())
        if after.decides_as(before) or after.retention_days is None:  # off, and never was on
            return before
        await store.save(project_id, after)
        event = ProjectChanged(occurred_at=self.now(), project_id=project_id)
        was, becomes = CaptureOf(id=project_id, capture=before), CaptureOf(id=project_id, capture=after)
        change = changed("project.capture_changed", project.slug, who.actor, was, becomes, project_id, update.why)
        await announce(self.session, change, event.occurred_at, event)
        return after
