"""A change of governance: told to the ledger and to the other apps, in its own transaction."""

from dataclasses import replace
from datetime import datetime
from typing import Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from structlog.contextvars import get_contextvars

from lumina_contracts.events import Event
from lumina_kit import ledger, outbox
from lumina_kit.ledger import Actor, Change, Json


class Named(Protocol):
    """What can be changed: a frozen pydantic model with an id."""

    @property
    def id(self) -> UUID: ...

    def model_dump(self, *, mode: str) -> dict[str, Json]: ...


async def announce(session: AsyncSession, change: Change, now: datetime, event: Event | None = None) -> None:
    """Write the entry, with the trace that this work belongs to, and the event if another app has a use for it."""
    trace_id: str | None = get_contextvars().get("trace_id")
    await ledger.append(session, replace(change, trace_id=trace_id), now)
    if event is not None:
        await outbox.publish(session, event)


def changed(
    action: str,
    name: str,
    actor: Actor,
    before: Named | None,
    after: Named | None,
    project_id: UUID | None = None,
    why: str | None = None,
) -> Change:
    """The change of one thing, whose kind is the first word of the action: `key.created` changes a key."""
    subject = after or before
    if subject is None:
        raise ValueError(f"{action} changes nothing: it has neither before nor after")
    return Change(
        action=action,
        subject_kind=action.partition(".")[0],
        subject_id=str(subject.id),
        subject_name=name,
        actor=actor,
        project_id=project_id,
        before=before.model_dump(mode="json") if before else None,
        after=after.model_dump(mode="json") if after else None,
        why=why,
    )
