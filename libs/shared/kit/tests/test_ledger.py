"""The chain: what is appended is found, and what is changed afterwards is named."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import text

from lumina_kit.database import Database, Model
from lumina_kit.ledger import SYSTEM, Change, Verdict, append, verify

NOW = datetime(2026, 11, 20, 14, 3, 0, 123456, tzinfo=UTC)


def change(name: str = "prod") -> Change:
    return Change(
        action="alias.moved",
        subject_kind="alias",
        subject_id=str(uuid4()),
        subject_name=name,
        actor=SYSTEM,
        project_id=uuid4(),
        before={"version": 1},
        after={"version": 2, "note": "größer"},
    )


async def written(database: Database, count: int) -> None:
    for _ in range(count):
        async with database.session() as session:
            await append(session, change(), NOW)


async def verdict(database: Database) -> Verdict:
    async with database.session() as session:
        return await verify(session)


async def edited(database: Database, statement: str) -> None:
    async with database.session() as session:
        await session.execute(text(statement))


async def test_an_untouched_chain_is_intact(database: Database) -> None:
    await written(database, 3)

    found = await verdict(database)

    assert found.intact
    assert (found.checked, found.head.number) == (3, 3)


async def test_an_empty_chain_is_intact(database: Database) -> None:
    assert (await verdict(database)).intact


@pytest.mark.parametrize(
    ("edit", "number"),
    [
        ("UPDATE ledger_entries SET body = replace(body, 'alias.moved', 'alias.maved') WHERE number = 2", 2),
        ("UPDATE ledger_entries SET action = 'nothing' WHERE number = 3", 3),
        ("UPDATE ledger_entries SET actor_id = 'somebody' WHERE number = 1", 1),
        ("UPDATE ledger_entries SET hash = previous_hash WHERE number = 2", 2),
        ("DELETE FROM ledger_entries WHERE number = 2", 2),
        ("DELETE FROM ledger_entries WHERE number = 4", 4),
        ("UPDATE ledger_head SET number = 3", 4),
    ],
)
async def test_an_edit_is_found_by_its_number(database: Database, edit: str, number: int) -> None:
    await written(database, 4)

    await edited(database, edit)

    found = await verdict(database)
    assert found.broken_at == number
    assert found.reason


async def test_concurrent_appends_make_one_chain(database: Database) -> None:
    await asyncio.gather(*(written(database, 2) for _ in range(6)))

    found = await verdict(database)

    assert found.intact
    assert found.checked == 12


async def test_a_change_that_fails_leaves_no_entry(database: Database) -> None:
    async def failing() -> None:
        async with database.session() as session:
            await append(session, change(), NOW)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await failing()

    assert (await verdict(database)).checked == 0


@pytest.mark.parametrize("column", ["id", "at", "project_id", "hash", "body"])
@pytest.mark.parametrize("value", ["'nonsense'", "7", "x'00ff'", "''"])
async def test_a_value_that_no_column_could_hold_is_found_by_its_number(
    tmp_path: Path, column: str, value: str
) -> None:
    database = Database(f"sqlite:///{tmp_path / 'ledger.sqlite'}")  # Postgres refuses such a value itself
    async with database.engine.begin() as connection:
        await connection.run_sync(Model.metadata.create_all)
    await written(database, 4)

    await edited(database, f"UPDATE ledger_entries SET {column} = {value} WHERE number = 3")

    assert (await verdict(database)).broken_at == 3
    await database.close()
