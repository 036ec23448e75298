"""/api/governance/ledger: the audit log."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime

from lumina_governance.audit.models import Entry, LedgerVerdict, Search, Word
from lumina_governance.audit.store import AuditStore
from lumina_governance.wiring import Transaction
from lumina_kit import ledger
from lumina_kit.auth import Principal, require
from lumina_kit.pages import BadCursor, Cursor, Limit, Page
from lumina_kit.problems import problems
from lumina_kit.roles import Permission

router = APIRouter(prefix="/ledger", tags=["audit log"])

Reader = Annotated[Principal, require(Permission.LEDGER_READ)]

Subject = Annotated[Word | None, Query(description="Id of what was changed.")]
Act = Annotated[Word | None, Query(alias="action", description="What was done: whole, or its beginning and `*`.")]
Who = Annotated[Word | None, Query(description="Id of who did it.")]
Since = Annotated[AwareDatetime | None, Query(description="This time or later.")]
Until = Annotated[AwareDatetime | None, Query(description="Before this time.")]


def wanted(
    subject: Subject = None, actor: Who = None, act: Act = None, since: Since = None, until: Until = None
) -> Search:
    """What the query asks for."""
    return Search(subject=subject, actor=actor, action=act, since=since, until=until)


Wanted = Annotated[Search, Depends(wanted)]


@router.get("", responses=problems(BadCursor))
async def list_entries(
    search: Wanted, session: Transaction, who: Reader, cursor: Cursor = None, limit: Limit = 50
) -> Page[Entry]:
    """Changes, newest first. A key sees its project's, a person those of their projects and those of none."""
    return await AuditStore(session).page(search, who, cursor, limit)


@router.get("/verify")
async def verify_ledger(session: Transaction, _who: Reader) -> LedgerVerdict:
    """Walk the whole chain, and name the first entry that is not what was written."""
    found = await ledger.verify(session)
    return LedgerVerdict(
        intact=found.intact,
        checked=found.checked,
        head_number=found.head.number,
        head_hash=found.head.hash,
        broken_at=found.broken_at,
        reason=found.reason,
    )
