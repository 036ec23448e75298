"""The outbox: an event is written with the change it tells of, and handled at least once, in effect once.

A handler runs in a transaction together with its receipt, so a crash undoes both and the next try repeats both.
No order is promised. After ten tries an event is a dead letter, kept and counted.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar
from uuid import UUID

import sqlalchemy
from sqlalchemy import Index, String, Text, delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from lumina_contracts.events import Event
from lumina_kit import logs
from lumina_kit.clock import Clock, pause
from lumina_kit.database import PUBLISHED, Database, Id, Model

POLL = timedelta(milliseconds=200)
MOST_TRIES = 10
BATCH = 100
KEEP_DISPATCHED = timedelta(days=7)

E = TypeVar("E", bound=Event)
log = logs.get(__name__)


class OutboxEvent(Model):
    """An event on its way. `dispatched_at` and `dead_at` are the two ways to end."""

    __tablename__ = "outbox_events"
    __table_args__ = (Index("ix_outbox_events_due", "dispatched_at", "dead_at", "next_try_at"),)

    id: Mapped[Id]
    type: Mapped[str] = mapped_column(String(120))
    body: Mapped[str] = mapped_column(Text)
    occurred_at: Mapped[datetime]
    next_try_at: Mapped[datetime]
    tries: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str | None] = mapped_column(Text)
    dispatched_at: Mapped[datetime | None]
    dead_at: Mapped[datetime | None]


class OutboxReceipt(Model):
    """A consumer has handled an event: in its own transaction, so never twice."""

    __tablename__ = "outbox_receipts"

    consumer: Mapped[str] = mapped_column(String(120), primary_key=True)
    event_id: Mapped[UUID] = mapped_column(primary_key=True)


@dataclass(frozen=True)
class Consumer(Generic[E]):
    """One handler of one type of event. It only enqueues or updates rows, through the session it is given."""

    name: str
    event: type[E]
    handle: Callable[[AsyncSession, E], Awaitable[None]]


async def publish(session: AsyncSession, event: Event) -> None:
    """Write the event in the session's transaction; the dispatcher of this process hears of its commit at once."""
    row = OutboxEvent(
        id=event.id, type=event.type, body=event.model_dump_json(),
        occurred_at=event.occurred_at, next_try_at=event.occurred_at,
    )  # fmt: skip
    session.add(row)
    await session.flush()
    committed = session.info[PUBLISHED]
    sqlalchemy.event.listen(session.sync_session, "after_commit", lambda _: committed.set(), once=True)


class Dispatcher:
    """Hands due events to their consumers: at their commit, and every 200 ms for what another process wrote."""

    def __init__(self, database: Database, consumers: Sequence[Consumer[Any]], now: Clock) -> None:
        self._database = database
        self._consumers = consumers
        self._now = now

    async def run(self, stop: asyncio.Event) -> None:
        """Dispatch until `stop`. A failing database is logged and tried again."""
        while not stop.is_set():
            try:
                while await self.dispatch() == BATCH:
                    pass
            except Exception as error:  # noqa: BLE001  # the loop must outlive a database that is away
                log.error("outbox stalled", error=repr(error))
            await pause(POLL.total_seconds(), self._database.published)
            self._database.published.clear()

    async def dispatch(self) -> int:
        """Hand out one batch of due events; gives how many there were."""
        async with self._database.session() as session:
            due = [(row.id, row.type, row.body) for row in await session.scalars(self._due())]
        for event_id, kind, body in due:
            await self._settle(event_id, await self._deliver(event_id, kind, body))
        return len(due)

    async def prune(self) -> None:
        """Forget what was dispatched a week ago, receipts included. Dead letters stay."""
        async with self._database.session() as session:
            old = select(OutboxEvent.id).where(OutboxEvent.dispatched_at < self._now() - KEEP_DISPATCHED)
            await session.execute(delete(OutboxReceipt).where(OutboxReceipt.event_id.in_(old)))
            await session.execute(delete(OutboxEvent).where(OutboxEvent.id.in_(old)))

    def _due(self) -> Any:
        open_ones = OutboxEvent.dispatched_at.is_(None) & OutboxEvent.dead_at.is_(None)
        ready = OutboxEvent.next_try_at <= self._now()
        return select(OutboxEvent).where(open_ones & ready).order_by(OutboxEvent.next_try_at).limit(BATCH)

    async def _deliver(self, event_id: UUID, kind: str, body: str) -> str | None:
        """Give the event to each consumer that has not had it; the last failure as text, or None."""
        failure = None
        for consumer in self._consumers:
            if consumer.event.model_fields["type"].default == kind:
                failure = await self._handled(consumer, event_id, body) or failure
        return failure

    async def _handled(self, consumer: Consumer[Any], event_id: UUID, body: str) -> str | None:
        try:
            async with self._database.session() as session:
                if await session.get(OutboxReceipt, (consumer.name, event_id)) is None:
                    session.add(OutboxReceipt(consumer=consumer.name, event_id=event_id))
                    await session.flush()
                    await consumer.handle(session, consumer.event.model_validate_json(body))
        except Exception as error:  # noqa: BLE001  # whatever a handler raises is one failed try
            log.warning("event handler failed", consumer=consumer.name, event_id=str(event_id), error=repr(error))
            return f"{consumer.name}: {error!r}"[:2000]
        return None

    async def _settle(self, event_id: UUID, failure: str | None) -> None:
        async with self._database.session() as session:
            row = await session.get(OutboxEvent, event_id, with_for_update=True)
            if row is None:
                return
            row.tries, row.last_error, now = row.tries + 1, failure, self._now()
            if failure is None:
                row.dispatched_at = now
            elif row.tries >= MOST_TRIES:
                row.dead_at = now
                log.error("event is a dead letter", event_id=str(event_id), type=row.type, error=failure)
            row.next_try_at = now + timedelta(seconds=min(2.0**row.tries * 0.2, 300))


async def oldest(session: AsyncSession) -> datetime | None:
    """When the oldest event came to be that still waits for a consumer; None if none does."""
    waiting = OutboxEvent.dispatched_at.is_(None) & OutboxEvent.dead_at.is_(None)
    return await session.scalar(select(func.min(OutboxEvent.occurred_at)).where(waiting))


async def dead_letters(session: AsyncSession) -> int:
    """How many events were given up."""
    return await session.scalar(select(func.count()).where(OutboxEvent.dead_at.is_not(None))) or 0
