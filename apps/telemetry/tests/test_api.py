from collections.abc import AsyncIterator
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI

from lumina_kit import problems
from lumina_kit.auth import Principal
from lumina_kit.errors import Unauthenticated
from lumina_kit.roles import Role, Scope
from lumina_telemetry.api import router


class Doorkeeper:
    """Knows one key, that of Ana."""

    async def by_key(self, key: str, _project: str | None) -> Principal:
        if key != "ana":
            raise Unauthenticated("No such key.")
        return Principal("key", UUID(int=1), "ana", Role.OPERATOR, frozenset[Scope](), UUID(int=2))

    async def by_session(self, _token: str, _project: str | None) -> Principal:
        raise Unauthenticated("No such session.")


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    app.state.authenticator = Doorkeeper()
    app.include_router(router)
    problems.install(app)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        yield client


async def test_caller_is_told_the_version_and_their_name(client: httpx.AsyncClient) -> None:
    answer = await client.get("/about", headers={"Authorization": "Bearer ana"})

    assert answer.status_code == 200
    assert answer.json() == {"version": "0.1.0", "caller": "ana"}


async def test_stranger_is_turned_away(client: httpx.AsyncClient) -> None:
    answer = await client.get("/about")

    assert answer.status_code == 401
