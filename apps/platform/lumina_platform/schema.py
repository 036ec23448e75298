"""Brings a database to the newest revision, at every start. Alembic is imported only if there is something to do."""

from typing import TYPE_CHECKING

from sqlalchemy import Connection, column, inspect, select, table
from sqlalchemy.exc import DatabaseError

from lumina_kit.database import Database
from lumina_kit.errors import Conflict, Unavailable
from lumina_platform.migrations import PLATFORM, SCRIPTS, History

if TYPE_CHECKING:
    from alembic.config import Config

LOCK = 0x6C756D696E61  # "lumina": any number of ours, the same in every process


class UnknownRevision(Conflict):
    code = "unknown_revision"
    title = "The database is of another version"


class DatabaseUnreachable(Unavailable):
    code = "database_unreachable"
    title = "The database cannot be used"


async def migrate(database: Database, history: History = PLATFORM) -> None:
    """Apply what is missing. Two processes that start at once do it one after the other. Raises UnknownRevision."""
    if await _current(database, history) == history.head:
        return
    async with database.engine.begin() as connection:
        await connection.exec_driver_sql(
            "BEGIN IMMEDIATE" if database.is_sqlite else f"SELECT pg_advisory_xact_lock({LOCK})"
        )
        await connection.run_sync(_upgrade, history)


async def _current(database: Database, history: History) -> str | None:
    try:
        async with database.engine.connect() as connection:
            return await connection.run_sync(revision_of, history)
    except DatabaseError as error:
        url = database.url.render_as_string(hide_password=True)
        raise DatabaseUnreachable(
            f"The database {url} cannot be used: {' '.join(str(error.orig).split())}",
            next_step="Start it, restore it from a backup, or set LUMINA_PLATFORM_DATABASE_URL to another.",
        ) from None


def revision_of(connection: Connection, history: History = PLATFORM) -> str | None:
    """The revision that the database is at; none when it is new."""
    if not inspect(connection).has_table(history.table):
        return None
    found: str | None = connection.scalar(select(column("version_num")).select_from(table(history.table)))
    return found


def alembic_config(connection: Connection, history: History = PLATFORM) -> "Config":
    """Alembic's settings, without a file."""
    from alembic.config import Config  # 0.5 s, and not needed at most starts

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    config.set_main_option("version_locations", str(history.revisions))
    config.set_main_option("path_separator", "newline")
    config.attributes["connection"] = connection
    config.attributes["version_table"] = history.table
    return config


def _upgrade(connection: Connection, history: History) -> None:
    from alembic import command
    from alembic.util import CommandError

    try:
        command.upgrade(alembic_config(connection, history), "head")
    except CommandError as error:
        raise UnknownRevision(
            f"{connection.engine.url.database} is at revision {revision_of(connection, history)}, "
            f"which this Lumina does not know: {error}.",
            next_step="Start the version of Lumina that wrote it, or a newer one.",
        ) from None
