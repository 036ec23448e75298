"""Events: handled at least once, in effect once, and never silently lost."""

from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import uuid4

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped

from lumina_contracts.events import Event
from lumina_kit.database import Database, Id, Model
from lumina_kit.outbox import MOST_TRIES, Consumer, Dispatcher, dead_letters, publish


class Rang(Event):
    type: Literal["dev.lumina.test.rang.v1"] = "dev.lumina.test.rang.v1"


class Note(Model):
    __tablename__ = "kit_test_notes"

    id: Mapped[Id]


class Time:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 20, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


class Handler:
    """Writes a note, and dies after it as often as it was told to."""

    def __init__(self, deaths: int) -> None:
        self.deaths = deaths

    async def __call__(self, session: AsyncSession, _event: Rang) -> None:
        session.add(Note(id=uuid4()))
        await session.flush()
        if self.deaths:
            self.deaths -= 1
            raise ConnectionError("died midway")


async def rung(database: Database, time: Time) -> None:
    async with database.session() as session:
        await publish(session, Rang(occurred_at=time()))


async def notes(database: Database) -> int:
    async with database.session() as session:
        return await session.scalar(select(func.count()).select_from(Note)) or 0


async def test_a_handler_that_dies_midway_is_retried_and_takes_effect_once(database: Database) -> None:
    time = Time()
    dispatcher = Dispatcher(database, [Consumer("notes", Rang, Handler(deaths=2))], time)
    await rung(database, time)

    for _ in range(6):
        await dispatcher.dispatch()
        time.now += timedelta(minutes=1)

    assert await notes(database) == 1


async def test_a_failing_consumer_does_not_make_another_repeat(database: Database) -> None:
    time = Time()
    consumers = [Consumer("good", Rang, Handler(deaths=0)), Consumer("bad", Rang, Handler(deaths=1))]
    dispatcher = Dispatcher(database, consumers, time)
    await rung(database, time)

    for _ in range(3):
        await dispatcher.dispatch()
        time.now += timedelta(minutes=1)

    assert await notes(database) == 2


async def test_an_event_that_always_fails_becomes_a_dead_letter(database: Database) -> None:
    time = Time()
    dispatcher = Dispatcher(database, [Consumer("notes", Rang, Handler(deaths=99))], time)
    await rung(database, time)

    for _ in range(MOST_TRIES + 3):
        await dispatcher.dispatch()
        time.now += timedelta(hours=1)

    async with database.session() as session:
        assert await dead_letters(session) == 1
    assert await notes(database) == 0


async def test_an_event_of_a_change_that_fails_is_never_seen(database: Database) -> None:
    time = Time()
    dispatcher = Dispatcher(database, [Consumer("notes", Rang, Handler(deaths=0))], time)
    try:
        async with database.session() as session:
            await publish(session, Rang(occurred_at=time()))
            raise ZeroDivisionError
    except ZeroDivisionError:
        pass

    await dispatcher.dispatch()

    assert await notes(database) == 0


async def test_what_was_dispatched_is_forgotten_after_a_week(database: Database) -> None:
    time = Time()
    dispatcher = Dispatcher(database, [Consumer("notes", Rang, Handler(deaths=0))], time)
    await rung(database, time)
    await dispatcher.dispatch()

    time.now += timedelta(days=8)
    await dispatcher.prune()

    async with database.session() as session:
        assert await session.scalar(select(func.count()).select_from(Model.metadata.tables["outbox_events"])) == 0
