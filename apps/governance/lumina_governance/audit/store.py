"""Reads the ledger, newest first."""

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from lumina_governance.audit.models import Entry, Search
from lumina_governance.people.store import MembershipRow
from lumina_kit.auth import Principal
from lumina_kit.ledger import LedgerEntry
from lumina_kit.pages import BadCursor, Page, cursor_of, page_of, position_of

LONGEST_NUMBER = 18


class AuditStore:
    """What the caller may see: a key its project's entries, a person those of their projects and those of none."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def page(self, search: Search, who: Principal, cursor: str | None, limit: int) -> Page[Entry]:
        """Up to `limit` entries from the cursor on. Raises BadCursor."""
        query = select(LedgerEntry).where(*_conditions(search), *_visible(who), *_below(cursor))
        rows = await self._session.scalars(query.order_by(LedgerEntry.number.desc()).limit(limit + 1))
        entries = [Entry.read(row.body, row.previous_hash, row.hash) for row in rows]
        return page_of(entries, limit, [cursor_of(str(entry.number)) for entry in entries])


def _conditions(search: Search) -> list[ColumnElement[bool]]:
    conditions = []
    if search.subject is not None:
        conditions.append(LedgerEntry.subject_id == search.subject)
    if search.actor is not None:
        conditions.append(LedgerEntry.actor_id == search.actor)
    if search.action is not None:
        conditions.append(_acts(search.action))
    if search.since is not None:
        conditions.append(LedgerEntry.at >= search.since)
    if search.until is not None:
        conditions.append(LedgerEntry.at < search.until)
    return conditions


def _acts(action: str) -> ColumnElement[bool]:
    if action.endswith("*"):
        return LedgerEntry.action.startswith(action[:-1], autoescape=True)
    return LedgerEntry.action == action


def _visible(who: Principal) -> list[ColumnElement[bool]]:
    if who.everywhere:
        return []
    if who.kind == "key":
        return [LedgerEntry.project_id == who.project_id]
    own = select(MembershipRow.project_id).where(MembershipRow.person_id == who.id)
    return [or_(LedgerEntry.project_id.is_(None), LedgerEntry.project_id.in_(own))]


def _below(cursor: str | None) -> list[ColumnElement[bool]]:
    if cursor is None:
        return []
    (number,) = position_of(cursor, 1)
    if not number.isascii() or not number.isdigit() or len(number) > LONGEST_NUMBER:
        raise BadCursor(
            f"{cursor!r} is not a cursor of the audit log.", next_step="Use next_cursor of the page before."
        )
    return [LedgerEntry.number < int(number)]
