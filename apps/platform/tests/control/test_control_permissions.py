"""Every route with every kind of caller: what they may do is what the one table says, and a new route is closed."""

import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from apps.platform.tests.control.conftest import bearer
from lumina_governance.grants.models import Grantable
from lumina_kit.roles import GRANTED_ONLY, INSTALLATION_WIDE, SCOPES, TABLE, Permission, Role, Scope

# Open without a credential, as the design fixes it: health, sign-in, the pages' static files, and the way to them.
OPEN = {
    "GET /healthz",
    "GET /health",
    "GET /readyz",
    "GET /",
    "GET /static/{name}",
    "GET /sign-in",
    "POST /sign-in",
    "GET /sign-in/{token}",
    "POST /api/governance/sessions",
}
OWNED_BY_A_PROJECT = {"key_id"}  # path parameters that name something of one project
Headers = dict[str, str]


@dataclass(frozen=True)
class Route:
    method: str
    path: str
    permission: Permission | None

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    def filled(self, **known: str) -> str:
        """The path with ids in place of its parameters: known ones, else of nothing."""
        return re.sub(r"\{(\w+)(:\w+)?\}", lambda found: known.get(found[1], _nobody(found[1])), self.path)


def _nobody(parameter: str) -> str:
    return str(uuid4()) if parameter.endswith("_id") else "nothing"


def routes(app: FastAPI) -> list[Route]:
    return [
        Route(method, str(context.path), _permission(context.dependant))
        for context in iter_route_contexts(app.routes)
        for method in sorted(context.methods or ())
    ]


def _permission(dependant: Any) -> Permission | None:
    """What the route asks for, of the dependencies below it."""
    for call in _calls(dependant):
        asked = getattr(call, "permission", None)
        if isinstance(asked, Permission):
            return asked
    return None


def _calls(dependant: Any) -> Iterator[Any]:
    yield dependant.call
    for below in dependant.dependencies:
        yield from _calls(below)


def closed(app: FastAPI) -> list[Route]:
    return [route for route in routes(app) if route.name not in OPEN]


async def made(client: httpx.AsyncClient, admin: Headers, **fields: Any) -> dict[str, Any]:
    answer = await client.post("/api/governance/keys", headers=admin, json={"name": "k", **fields})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def asked(client: httpx.AsyncClient, route: Route, headers: Headers, **known: str) -> tuple[int, str]:
    """Status and code of the answer."""
    body: dict[str, Any] | None = {} if route.method in {"POST", "PUT", "PATCH"} else None
    answer = await client.request(route.method, route.filled(**known), headers=headers, json=body)
    is_problem = answer.headers.get("content-type") == "application/problem+json"
    return answer.status_code, answer.json()["code"] if is_problem else ""


def test_every_route_is_open_by_decision_or_asks_for_a_permission(app: FastAPI) -> None:
    without = {route.name for route in routes(app) if route.permission is None}

    assert without == OPEN


async def test_stranger_is_turned_away_everywhere(app: FastAPI, client: httpx.AsyncClient) -> None:
    answers = {route.name: await asked(client, route, {}) for route in closed(app)}

    assert {name: answer for name, answer in answers.items() if answer != (401, "unauthenticated")} == {}


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[]", b"[" * 100_000])
async def test_stranger_with_a_malformed_body_is_turned_away_as_any_other(
    app: FastAPI, client: httpx.AsyncClient, body: bytes
) -> None:
    headers = {"content-type": "application/json"}
    taking = [route for route in closed(app) if route.method in {"POST", "PUT", "PATCH"}]

    answers = {(await client.request(r.method, r.filled(), headers=headers, content=body)).status_code for r in taking}

    assert answers == {401}


async def test_stranger_is_turned_away_before_any_body_is_read(app: FastAPI, client: httpx.AsyncClient) -> None:
    read: list[str] = []
    taking = [route for route in closed(app) if route.method in {"POST", "PUT", "PATCH"}]

    async def body(name: str) -> AsyncIterator[bytes]:
        read.append(name)
        yield b"{}"

    answers = {(await client.request(r.method, r.filled(), content=body(r.name))).status_code for r in taking}

    assert answers == {401}
    assert read == []


async def test_unknown_and_revoked_keys_are_turned_away_everywhere(
    app: FastAPI, client: httpx.AsyncClient, admin: Headers
) -> None:
    revoked = await made(client, admin)
    await client.delete(f"/api/governance/keys/{revoked['id']}", headers=admin)

    for secret in ("lum_unknown", revoked["secret"]):
        answers = {route.name: await asked(client, route, bearer(secret)) for route in closed(app)}
        assert {name: answer for name, answer in answers.items() if answer != (401, "unknown_key")} == {}


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("project", ["default", "other"])
async def test_key_with_a_role_may_do_what_the_table_says_in_its_project(
    app: FastAPI, client: httpx.AsyncClient, admin: Headers, role: Role, project: str
) -> None:
    await client.post("/api/governance/projects", headers=admin, json={"slug": "other"})
    headers = bearer((await made(client, admin | {"x-lumina-project": project}, role=role))["secret"])

    refused = {route.name for route in closed(app) if await asked(client, route, headers) == (403, "forbidden")}

    given = TABLE[role] - INSTALLATION_WIDE
    assert refused == {route.name for route in closed(app) if route.permission not in given}


async def test_role_admin_key_of_another_project_does_nothing_to_the_installation(
    app: FastAPI, client: httpx.AsyncClient, admin: Headers
) -> None:
    await client.post("/api/governance/projects", headers=admin, json={"slug": "other"})
    theirs = bearer((await made(client, admin | {"x-lumina-project": "other"}, role="admin"))["secret"])

    answers = {r.name: await asked(client, r, theirs) for r in closed(app) if r.permission in INSTALLATION_WIDE}

    assert {"POST /api/governance/links", "POST /api/governance/people"} < set(answers)
    assert set(answers.values()) == {(403, "forbidden")}


async def test_admin_key_is_refused_only_what_must_be_granted(
    app: FastAPI, client: httpx.AsyncClient, admin: Headers
) -> None:
    refused = {route.name for route in closed(app) if await asked(client, route, admin) == (403, "forbidden")}

    assert refused == {route.name for route in closed(app) if route.permission in GRANTED_ONLY}


def test_what_can_be_granted_is_what_no_role_has() -> None:
    assert {Permission(each.value) for each in Grantable} == GRANTED_ONLY
    assert not GRANTED_ONLY.intersection(*TABLE.values(), *SCOPES.values())


@pytest.mark.parametrize("scope", Scope)
async def test_key_with_one_scope_may_do_what_the_table_says(
    app: FastAPI, client: httpx.AsyncClient, admin: Headers, scope: Scope
) -> None:
    headers = bearer((await made(client, admin, scopes=[scope]))["secret"])

    refused = {route.name for route in closed(app) if await asked(client, route, headers) == (403, "forbidden")}

    assert refused == {route.name for route in closed(app) if route.permission not in SCOPES[scope]}


async def test_another_projects_key_does_not_find_what_a_project_owns(
    app: FastAPI, client: httpx.AsyncClient, admin: Headers
) -> None:
    await client.post("/api/governance/projects", headers=admin, json={"slug": "other"})
    ours = await made(client, admin)
    theirs = bearer((await made(client, admin | {"x-lumina-project": "other"}, role="admin"))["secret"])
    reachable = [route for route in closed(app) if route.permission not in INSTALLATION_WIDE]
    owned = [route for route in reachable if OWNED_BY_A_PROJECT.intersection(re.findall(r"\{(\w+)", route.path))]

    answers = {route.name: (await asked(client, route, theirs, key_id=ours["id"]))[0] for route in owned}

    assert answers
    assert set(answers.values()) == {404}
    assert (await client.get("/api/governance/me", headers=bearer(ours["secret"]))).status_code == 200
