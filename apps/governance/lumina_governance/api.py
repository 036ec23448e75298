"""/api/governance: what the composition root includes. `open_router` takes no credential."""

from fastapi import APIRouter

from lumina_governance.access.api import router as access
from lumina_governance.audit.api import router as audit
from lumina_governance.capture.api import router as capture
from lumina_governance.grants.api import router as grants
from lumina_governance.keys.api import router as keys
from lumina_governance.people.api import router as people
from lumina_governance.people.me import router as me
from lumina_governance.projects.api import router as projects
from lumina_governance.sessions.api import open_router
from lumina_governance.sessions.api import router as sessions

__all__ = ["open_router", "router"]

router = APIRouter()
for topic in (me, people, sessions, keys, projects, capture, grants, access, audit):
    router.include_router(topic)
