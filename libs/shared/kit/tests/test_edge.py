"""The edge of the control plane: errors as problems, bounds on bodies, and who may do what."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI, Request

from lumina_kit import problems
from lumina_kit.auth import Principal, require
from lumina_kit.errors import NotFound, TooMany, Unauthenticated
from lumina_kit.limits import LimitMiddleware, Limits
from lumina_kit.roles import Permission, Role, Scope

PROJECT = UUID(int=1)


class CardNotFound(NotFound):
    code = "card_not_found"


class Doorkeeper:
    """Knows the keys named after a role, and every session."""

    async def by_key(self, key: str, _project: str | None) -> Principal:
        if key not in set(Role):
            raise Unauthenticated("No such key.")
        return Principal("key", UUID(int=2), key, Role(key), frozenset[Scope](), PROJECT)

    async def by_session(self, _token: str, _project: str | None) -> Principal:
        return Principal("person", UUID(int=3), "ana", Role.ADMIN, frozenset[Scope](), PROJECT)


def small_app() -> FastAPI:
    app = FastAPI()
    app.state.authenticator = Doorkeeper()
    problems.install(app)

    @app.get("/cards/{number}")
    async def card(number: int, who: Annotated[Principal, require(Permission.LEDGER_READ)]) -> str:
        raise CardNotFound(f"There is no card {number}.", next_step=f"{who.name} may add it.")

    @app.post("/cards")
    async def add(request: Request, who: Annotated[Principal, require(Permission.LEDGER_READ)]) -> int:
        return len(await request.body()) + len(who.name)

    @app.post("/words")
    async def count(words: list[str]) -> int:
        return len(words)

    @app.get("/busy")
    async def busy() -> None:
        raise TooMany("Too fast.", retry_after=12.4)

    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError("the password is hunter2")

    @app.get("/slow")
    async def slow() -> None:
        await asyncio.sleep(60)

    app.add_middleware(LimitMiddleware, limits=Limits(body_bytes=1000, body_seconds=0.2, answer_seconds=0.3))
    return app


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(small_app(), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://lumina.test") as client:
        yield client


def bearer(role: str) -> dict[str, str]:
    return {"authorization": f"Bearer {role}"}


async def test_an_error_is_a_problem_with_its_code_and_next_step(client: httpx.AsyncClient) -> None:
    answer = await client.get("/cards/7", headers=bearer("auditor"))

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": "urn:lumina:problem:card_not_found",
        "title": "Not found",
        "status": 404,
        "detail": "There is no card 7.",
        "code": "card_not_found",
        "next_step": "auditor may add it.",
    }


async def test_a_malformed_value_is_named(client: httpx.AsyncClient) -> None:
    answer = await client.get("/cards/seven", headers=bearer("auditor"))

    assert (answer.status_code, answer.json()["code"]) == (422, "malformed_request")
    assert "path.number" in answer.json()["detail"]


async def test_an_unexpected_error_says_nothing_of_its_reason(client: httpx.AsyncClient) -> None:
    answer = await client.get("/broken")

    assert answer.status_code == 500
    assert "hunter2" not in answer.text


async def test_an_unknown_path_is_a_problem(client: httpx.AsyncClient) -> None:
    answer = (await client.get("/nowhere")).json()

    assert answer["code"] == "not_found"
    assert "/docs" in answer["next_step"]


async def test_too_many_says_when_to_come_back(client: httpx.AsyncClient) -> None:
    answer = await client.get("/busy")

    assert (answer.status_code, answer.headers["retry-after"]) == (429, "12")


async def test_without_a_credential_nothing_answers(client: httpx.AsyncClient) -> None:
    answer = await client.get("/cards/7")

    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


@pytest.mark.parametrize(("role", "status"), [("admin", 404), ("auditor", 404), ("operator", 403), ("nobody", 401)])
async def test_a_route_is_open_to_the_roles_of_the_table(client: httpx.AsyncClient, role: str, status: int) -> None:
    assert (await client.get("/cards/7", headers=bearer(role))).status_code == status


async def test_two_authorization_headers_are_refused(client: httpx.AsyncClient) -> None:
    headers = [("authorization", "Bearer admin"), ("authorization", "Bearer auditor")]

    assert (await client.get("/cards/7", headers=headers)).status_code == 401


@pytest.mark.parametrize(
    ("origin", "status"),
    [("http://lumina.test", 200), ("https://lumina.test", 403), ("http://evil.test", 403), ("null", 403), (None, 403)],
)
async def test_a_cookie_changes_something_only_from_our_own_pages(
    client: httpx.AsyncClient, origin: str | None, status: int
) -> None:
    headers = {"cookie": "lumina_session=x"} | ({"origin": origin} if origin else {})

    assert (await client.post("/cards", headers=headers)).status_code == status


async def test_a_body_beyond_the_limit_is_refused_by_its_declared_size(client: httpx.AsyncClient) -> None:
    answer = await client.post("/cards", content=b"x" * 1001, headers=bearer("admin"))

    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


async def test_a_body_beyond_the_limit_is_refused_while_it_streams(client: httpx.AsyncClient) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 100

    answer = await client.post("/cards", content=endless(), headers=bearer("admin"))

    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


@pytest.mark.parametrize("path", ["/cards", "/words"], ids=["read by the route", "read by FastAPI"])
async def test_a_body_that_trickles_is_refused(client: httpx.AsyncClient, path: str) -> None:
    async def trickle() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x"
            await asyncio.sleep(0.05)

    answer = await client.post(path, content=trickle(), headers=bearer("admin"))

    assert (answer.status_code, answer.json()["code"]) == (408, "slow_body")
    assert answer.json()["next_step"]


async def test_an_answer_that_never_begins_is_ended(client: httpx.AsyncClient) -> None:
    answer = await client.get("/slow")

    assert (answer.status_code, answer.json()["code"]) == (503, "slow_answer")
