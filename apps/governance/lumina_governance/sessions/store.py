"""Sessions and one-time links in the database. Signing out deletes a session's row."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, String, delete, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from lumina_governance.sessions.tokens import Ticket
from lumina_kit.database import Id, Model


class SessionRow(Model):
    __tablename__ = "governance_sessions"

    id: Mapped[Id]
    person_id: Mapped[UUID] = mapped_column(ForeignKey("governance_people.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class LinkRow(Model):
    __tablename__ = "governance_links"

    id: Mapped[Id]
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("governance_people.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class SessionStore:
    """Reads and writes in the transaction it is given."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def begin(self, ticket: Ticket) -> None:
        """Add a session, and forget those that are over."""
        await self._session.execute(delete(SessionRow).where(SessionRow.expires_at <= ticket.issued_at))
        row = SessionRow(
            id=ticket.session_id, person_id=ticket.person_id, created_at=ticket.issued_at, expires_at=ticket.expires_at
        )
        self._session.add(row)
        await self._session.flush()

    async def person_of(self, session_id: UUID, now: datetime) -> UUID | None:
        """Whose session it is, unless it is over."""
        query = select(SessionRow.person_id).where(SessionRow.id == session_id, SessionRow.expires_at > now)
        found: UUID | None = await self._session.scalar(query)
        return found

    async def end(self, session_id: UUID) -> None:
        await self._session.execute(delete(SessionRow).where(SessionRow.id == session_id))

    async def end_all(self, person_id: UUID) -> None:
        """End every session of a person, and void the links that were made for them."""
        await self._session.execute(delete(SessionRow).where(SessionRow.person_id == person_id))
        await self._session.execute(delete(LinkRow).where(LinkRow.person_id == person_id))

    async def add_link(self, link: LinkRow) -> None:
        """Keep a link's digest, and forget those that are over."""
        await self._session.execute(delete(LinkRow).where(LinkRow.expires_at <= link.created_at))
        self._session.add(link)
        await self._session.flush()

    async def spend_link(self, sha256: str, now: datetime) -> UUID | None:
        """Whom the link signs in; it is gone afterwards, so of two tries at once one gets nobody."""
        spent = delete(LinkRow).where(LinkRow.sha256 == sha256, LinkRow.expires_at > now).returning(LinkRow.person_id)
        found: UUID | None = await self._session.scalar(spent)
        return found
