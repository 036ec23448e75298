"""Sessions: what commits, what rolls back, and that a read which then writes is not refused."""

import asyncio
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped

from lumina_kit.database import Database, Id, Model


class Counter(Model):
    __tablename__ = "kit_test_counters"

    id: Mapped[Id]
    value: Mapped[int]


async def counter(database: Database) -> UUID:
    async with database.session() as session:
        session.add(row := Counter(id=uuid4(), value=0))
    return row.id


async def add_one(database: Database, counter_id: UUID) -> None:
    async with database.session() as session:
        row = await session.get(Counter, counter_id, with_for_update=True)
        assert row is not None
        await asyncio.sleep(0)
        row.value += 1


async def test_a_session_that_ends_well_is_kept(database: Database) -> None:
    counter_id = await counter(database)

    async with database.session() as session:
        assert await session.get(Counter, counter_id) is not None


async def test_a_session_that_fails_leaves_nothing(database: Database) -> None:
    async def failing() -> None:
        async with database.session() as session:
            session.add(Counter(id=uuid4(), value=1))
            await session.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await failing()

    async with database.session() as session:
        assert await session.scalar(select(func.count()).select_from(Counter)) == 0


async def test_concurrent_read_then_write_loses_no_update_and_is_never_locked_out(database: Database) -> None:
    counter_id = await counter(database)

    await asyncio.gather(*(add_one(database, counter_id) for _ in range(25)))

    async with database.session() as session:
        row = await session.get(Counter, counter_id)
        assert row is not None
    assert row.value == 25


async def test_a_read_does_not_wait_for_a_writer(database: Database) -> None:
    counter_id = await counter(database)

    async with database.session() as writer:
        row = await writer.get(Counter, counter_id, with_for_update=True)
        assert row is not None
        row.value = 7
        await writer.flush()
        async with asyncio.timeout(5), database.session() as reader:
            seen = await reader.get(Counter, counter_id)

    assert seen is not None
    assert seen.value == 0


async def test_an_error_does_not_carry_the_row(database: Database) -> None:
    counter_id = await counter(database)

    with pytest.raises(IntegrityError) as failed:
        async with database.session() as session:
            session.add(Counter(id=counter_id, value=424242))

    assert "424242" not in str(failed.value)
