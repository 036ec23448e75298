"""/api/governance/access: who read or deleted what people had written."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime

from lumina_governance.access.models import AccessEntry, AccessSearch
from lumina_governance.access.store import AccessStore
from lumina_governance.audit.models import Word
from lumina_governance.wiring import Transaction
from lumina_kit.auth import Principal, require
from lumina_kit.pages import BadCursor, Cursor, Limit, Page
from lumina_kit.problems import problems
from lumina_kit.roles import Permission

router = APIRouter(prefix="/access", tags=["content"])

Reader = Annotated[Principal, require(Permission.ACCESS_READ)]
Who = Annotated[Word | None, Query(description="Id of who did it.")]
Trace = Annotated[Word | None, Query(description="Id of the trace whose content it was.")]
Since = Annotated[AwareDatetime | None, Query(description="This time or later.")]
Until = Annotated[AwareDatetime | None, Query(description="Before this time.")]


def wanted(actor: Who = None, trace_id: Trace = None, since: Since = None, until: Until = None) -> AccessSearch:
    """What the query asks for."""
    return AccessSearch(actor=actor, trace_id=trace_id, since=since, until=until)


Wanted = Annotated[AccessSearch, Depends(wanted)]


@router.get("", responses=problems(BadCursor))
async def list_accesses(
    search: Wanted, session: Transaction, who: Reader, cursor: Cursor = None, limit: Limit = 50
) -> Page[AccessEntry]:
    """Every time that captured content was read or deleted, newest first; of the projects that the caller may see."""
    return await AccessStore(session).page(search, who, cursor, limit)
