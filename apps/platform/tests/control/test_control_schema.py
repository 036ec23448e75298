"""The histories of migrations, on SQLite and on Postgres."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, inspect, text

from lumina_governance.founding import found
from lumina_governance.keys.store import KeyStore
from lumina_governance.limits.models import UNLIMITED
from lumina_governance.projects.store import ProjectStore
from lumina_kit import ledger
from lumina_kit.clock import utc_now
from lumina_kit.database import Database, Model
from lumina_platform import apps
from lumina_platform.migrations import CONTENT, PLATFORM, SCRIPTS, History
from lumina_platform.schema import DatabaseUnreachable, UnknownRevision, alembic_config, migrate, revision_of
from lumina_telemetry.content.store import ContentModel

HISTORIES = (PLATFORM, CONTENT)


@pytest.fixture
async def empty(database_url: str) -> AsyncIterator[Database]:
    """A database without a table."""
    apps.load()
    database = Database(database_url)
    yield database
    await database.close()


async def test_migrated_tables_are_those_of_the_models(empty: Database) -> None:
    await migrate(empty)

    async with empty.engine.connect() as connection:
        assert await connection.run_sync(differences, Model.metadata) == []


async def test_content_has_the_table_of_its_model_alone_and_beside_the_others(empty: Database) -> None:
    await migrate(empty, CONTENT)
    async with empty.engine.connect() as connection:
        assert await connection.run_sync(differences, ContentModel.metadata) == []

    await migrate(empty)
    await migrate(empty, CONTENT)
    both = MetaData(naming_convention=Model.metadata.naming_convention)
    for metadata in (Model.metadata, ContentModel.metadata):
        for table in metadata.tables.values():
            table.to_metadata(both)
    async with empty.engine.connect() as connection:
        assert await connection.run_sync(differences, both) == []


def differences(connection: Connection, wanted: MetaData) -> list[Any]:
    """Between the database and the models, but for what other tests have made up and the histories keep."""
    options = {"compare_type": True, "include_object": _is_ours}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), wanted))


def _is_ours(_object: object, name: str | None, *_: object) -> bool:
    return not (name or "").startswith("kit_test") and name not in {history.table for history in HISTORIES}


async def test_second_start_has_nothing_to_do(empty: Database) -> None:
    await migrate(empty)
    await migrate(empty)

    async with empty.engine.connect() as connection:
        assert await connection.run_sync(revision_of) == PLATFORM.head


async def test_processes_that_start_at_once_migrate_once(empty: Database, database_url: str) -> None:
    others = [Database(database_url) for _ in range(2)]

    await asyncio.gather(*(migrate(database) for database in (empty, *others)))

    async with empty.session() as session:
        assert await ledger.head(session) == ledger.Head(0, ledger.GENESIS)
    for other in others:
        await other.close()


async def test_history_goes_back_to_nothing(empty: Database) -> None:
    await migrate(empty)

    def undo(connection: Connection) -> list[str]:
        command.downgrade(alembic_config(connection), "base")
        return inspect(connection).get_table_names()

    async with empty.engine.begin() as connection:
        assert await connection.run_sync(undo) == ["alembic_version"]


async def test_rows_outlive_limits_that_come_go_and_come_again(empty: Database, tmp_path: Path) -> None:
    await migrate(empty)
    await found(empty, tmp_path / "admin.key", utc_now)

    def without_limits(connection: Connection) -> None:
        command.downgrade(alembic_config(connection), "0001")

    async with empty.engine.begin() as connection:
        await connection.run_sync(without_limits)
    await migrate(empty)

    async with empty.session() as session:
        (key,) = await KeyStore(session).builtin()
        project = await ProjectStore(session).default()
    assert project is not None
    assert (key.project_id, key.limits, project.limits) == (project.id, UNLIMITED, UNLIMITED)


async def test_database_of_a_newer_lumina_is_refused(empty: Database) -> None:
    await migrate(empty)
    async with empty.engine.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(UnknownRevision, match="9999"):
        await migrate(empty)


async def test_database_that_is_away_is_named_without_its_password() -> None:
    away = Database("postgresql://lumina:swordfish@127.0.0.1:1/lumina")

    with pytest.raises(DatabaseUnreachable, match=r"127\.0\.0\.1:1") as refused:
        await migrate(away)

    assert "swordfish" not in str(refused.value)


@pytest.mark.parametrize("history", HISTORIES)
def test_known_head_is_the_newest_revision(history: History) -> None:
    scripts = ScriptDirectory(str(SCRIPTS), version_locations=[str(history.revisions)])

    assert scripts.get_heads() == [history.head]
