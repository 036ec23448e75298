"""One database, SQLite or Postgres, behind the same sessions.

On SQLite a read runs in autocommit, and BEGIN IMMEDIATE is issued at a session's first write or first
`with_for_update()`: a deferred transaction that reads and then writes fails at once with "database is locked".
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from sqlite3 import OperationalError
from typing import Annotated, Any, ClassVar
from uuid import UUID

from sqlalchemy import DateTime, Dialect, MetaData, Uuid, event
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, mapped_column
from sqlalchemy.types import TypeDecorator

BUSY_TIMEOUT_MS = 10_000
DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
PUBLISHED = "published"
READS = ("SELECT", "PRAGMA", "EXPLAIN", "BEGIN", "WITH")


class UtcTime(TypeDecorator[datetime]):
    """An aware UTC time; SQLite stores it without its zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Id = Annotated[UUID, mapped_column(Uuid(), primary_key=True)]


class Model(DeclarativeBase):
    """A table. Its name begins with its app's."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {datetime: UtcTime(), UUID: Uuid()}


class Database:
    """An engine and its sessions. Close it when done."""

    def __init__(self, url: str) -> None:
        parsed = make_url(url)
        self.url = parsed.set(drivername=DRIVERS.get(parsed.drivername, parsed.drivername))
        self.engine = _engine(self.url.render_as_string(hide_password=False))
        self.published = asyncio.Event()  # set when a session that announced something has been committed
        info = {PUBLISHED: self.published}
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False, info=info)

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncSession]:
        """One transaction: committed on leaving, rolled back on an error."""
        async with self._sessions.begin() as session:
            yield session

    async def close(self) -> None:
        await self.engine.dispose()


def _engine(url: str) -> AsyncEngine:
    # hide_parameters: an error that is logged must not carry the row, which may hold a digest or a password's hash
    if not url.startswith("sqlite"):
        return create_async_engine(url, pool_size=5, max_overflow=5, pool_pre_ping=True, hide_parameters=True)
    # isolation_level None: the driver begins nothing by itself, and its commit and rollback still end what we begin
    patient = {"isolation_level": None, "timeout": BUSY_TIMEOUT_MS / 1000}
    engine = create_async_engine(url, connect_args=patient, hide_parameters=True)
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "before_execute", _begin_for_lock)
    event.listen(engine.sync_engine, "before_cursor_execute", _begin_for_write)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    for pragma in (f"busy_timeout={BUSY_TIMEOUT_MS}", "synchronous=NORMAL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    _switch_to_wal(cursor)
    cursor.close()


def _switch_to_wal(cursor: Any, tries: int = 10) -> None:
    """Of two connections that switch a new file at once SQLite fails one: the busy timeout counts for locks alone."""
    try:
        cursor.execute("PRAGMA journal_mode=WAL")
    except OperationalError:
        if tries == 1:
            raise
        cursor.execute("BEGIN IMMEDIATE")  # waits for the other
        cursor.execute("ROLLBACK")
        _switch_to_wal(cursor, tries - 1)


def _begin_for_lock(connection: Connection, statement: Any, *_: object) -> None:
    if getattr(statement, "_for_update_arg", None) is not None and not _in_transaction(connection):
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin_for_write(connection: Connection, cursor: Any, statement: str, *_: object) -> None:
    if not statement.lstrip().upper().startswith(READS) and not _in_transaction(connection):
        cursor.execute("BEGIN IMMEDIATE")


def _in_transaction(connection: Connection) -> bool:
    return bool(getattr(connection.connection.driver_connection, "in_transaction", False))
