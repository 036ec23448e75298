"""Governance on a real database, with a clock that stands still until it is moved."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from argon2 import PasswordHasher
from fastapi import Depends, FastAPI

from lumina_governance.api import open_router, router
from lumina_governance.founding import found
from lumina_governance.people.passwords import Passwords
from lumina_governance.settings import GovernanceSettings
from lumina_governance.wiring import Governance
from lumina_kit import problems
from lumina_kit.auth import signed_in
from lumina_kit.database import Database, Model
from lumina_kit.masterkey import MasterKey

URL = "http://lumina.test"


@dataclass
class Clock:
    """A time that a test moves."""

    at: datetime = datetime(2126, 11, 20, 12, tzinfo=UTC)  # to come, since clients drop cookies of the past

    def __call__(self) -> datetime:
        return self.at

    def pass_by(self, **time: float) -> None:
        self.at += timedelta(**time)


@pytest.fixture
def now() -> Clock:
    return Clock()


@pytest.fixture
def admin_key_file(tmp_path: Path) -> Path:
    return tmp_path / "admin.key"


@pytest.fixture
async def governance(database: Database, admin_key_file: Path, now: Clock) -> Governance:
    """Founded, on SQLite and on Postgres."""
    return await founded(database, admin_key_file, now)


@pytest.fixture
async def sqlite(tmp_path: Path) -> AsyncIterator[Database]:
    """For what does not depend on the kind of database."""
    database = Database(f"sqlite:///{tmp_path / 'http.sqlite'}")
    async with database.engine.begin() as connection:
        await connection.run_sync(Model.metadata.create_all)
    yield database
    await database.close()


@pytest.fixture
async def app(sqlite: Database, admin_key_file: Path, now: Clock) -> FastAPI:
    """Governance's routes as the root includes them."""
    app = FastAPI()
    app.state.governance = await founded(sqlite, admin_key_file, now)
    app.state.authenticator = app.state.governance.credentials
    app.include_router(router, prefix="/api/governance", dependencies=[Depends(signed_in)])
    app.include_router(open_router, prefix="/api/governance")
    problems.install(app)
    return app


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A caller without a credential."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=URL) as client:
        yield client


@pytest.fixture
def admin(admin_key_file: Path, app: FastAPI) -> dict[str, str]:
    """The headers of the admin key."""
    return bearer(admin_key_file.read_text().strip())


def bearer(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


async def founded(database: Database, admin_key_file: Path, now: Clock) -> Governance:
    quick = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    await found(database, admin_key_file, now)
    return Governance.of(database, MasterKey(b"k" * 32), GovernanceSettings(), quick, now, URL)
