"""Questions about telemetry: passed on within what the caller may see, and answered byte by byte."""

from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from apps.platform.tests.control.conftest import bearer
from apps.platform.tests.control.telemetry_server import TelemetryServer
from lumina_kit.roles import Role, Scope

Headers = dict[str, str]
API = "/api/telemetry"
TRACE = "0af7651916cd43dd8448eb211c80319c"
LISTING = {"items": [], "next": None, "cut": None}
FILLED = {"{trace_id}": TRACE, "{held_id}": "chatcmpl-1", "{name}": "route", "{service}": "gateway"}
NEEDED = {
    f"{API}/traces/values": "?attribute=service",
    **{f"{API}/metrics/{name}": "?query=up" for name in ("query", "query_range")},
    **{f"{API}/metrics/{name}": "?metric=up" for name in ("rate", "percentiles", "top", "exemplars")},
}
OURS = {f"{API}/about", f"{API}/content", f"{API}/content/{{trace_id}}"}  # control itself answers these


def paths(app: FastAPI) -> list[str]:
    """Every question that is passed on, with its parameters filled in."""
    found = []
    for route in iter_route_contexts(app.routes):
        path = str(route.path)
        if path.startswith(API) and "GET" in (route.methods or ()) and path not in OURS:
            for name, value in FILLED.items():
                path = path.replace(name, value)
            found.append(path + NEEDED.get(path, ""))
    return found


async def a_key(client: httpx.AsyncClient, admin: Headers, **fields: Any) -> Headers:
    made = await client.post("/api/governance/keys", headers=admin, json={"name": "k", **fields})
    return bearer(made.json()["secret"])


async def test_every_question_reaches_the_same_path_of_the_process(
    app: FastAPI, client: httpx.AsyncClient, admin: Headers, telemetry: TelemetryServer
) -> None:
    for path in paths(app):
        whole, _, query = path.partition("?")
        telemetry.answer(whole.removeprefix(API), LISTING)

        answer = await client.get(path, headers=admin)

        assert (answer.status_code, answer.json()) == (200, LISTING), path
        assert (telemetry.last.path, telemetry.last.query) == (whole.removeprefix(API), query)
        assert "x-lumina-project" not in telemetry.last.headers


async def test_caller_of_one_project_sees_only_it(
    app: FastAPI, client: httpx.AsyncClient, admin: Headers, telemetry: TelemetryServer
) -> None:
    theirs = await a_key(client, admin, role=Role.OPERATOR)
    mine = (await client.get("/api/governance/me", headers=theirs)).json()["project_id"]

    for path in paths(app):
        telemetry.answer(path.partition("?")[0].removeprefix(API), LISTING)
        await client.get(path, headers=theirs)
        assert telemetry.last.headers["x-lumina-project"] == mine, path


async def test_who_may_name_any_project_sees_the_one_that_is_named(
    client: httpx.AsyncClient, admin: Headers, telemetry: TelemetryServer
) -> None:
    other = (await client.post("/api/governance/projects", headers=admin, json={"slug": "other"})).json()

    await client.get(f"{API}/traces", headers=admin | {"x-lumina-project": "other"})

    assert telemetry.last.headers["x-lumina-project"] == other["id"]


async def test_stranger_and_key_without_the_permission_are_turned_away_before_anything_is_asked(
    app: FastAPI, client: httpx.AsyncClient, admin: Headers, telemetry: TelemetryServer
) -> None:
    sender = await a_key(client, admin, scopes=[Scope.OTLP])

    answers = {(await client.get(path, headers=who)).status_code for path in paths(app) for who in ({}, sender)}

    assert answers == {401, 403}
    assert telemetry.asked == []


async def test_everything_says_so_while_telemetry_is_away(
    app: FastAPI, client: httpx.AsyncClient, admin: Headers
) -> None:
    for path in paths(app):
        answer = await client.get(path, headers=admin)
        assert (answer.status_code, answer.json()["code"]) == (503, "telemetry_unavailable"), path
        assert "lumina status" in answer.json()["next_step"]


async def test_telemetrys_own_problems_come_back_as_they_are(
    client: httpx.AsyncClient, admin: Headers, telemetry: TelemetryServer
) -> None:
    told = {"title": "No such trace", "status": 404, "detail": "Gone.", "code": "trace_not_found"}
    telemetry.answer(f"/traces/{TRACE}", told, 404, **{"content-type": "application/problem+json"})

    answer = await client.get(f"{API}/traces/{TRACE}", headers=admin)

    assert (answer.status_code, answer.json()) == (404, told)
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "query", ["statuss=error", "status=bad", "limit=0", "limit=100000", "min_ms=-1", "where=" + "x" * 2000]
)
async def test_misspelt_and_impossible_filters_are_refused(
    client: httpx.AsyncClient, admin: Headers, telemetry: TelemetryServer, query: str
) -> None:
    answer = await client.get(f"{API}/traces?{query}", headers=admin)

    assert (answer.status_code, answer.json()["code"]) == (422, "malformed_request")
    assert query.partition("=")[0] in answer.json()["detail"]
    assert telemetry.asked == []


async def test_conditions_go_on_in_their_order_as_they_were_written(
    client: httpx.AsyncClient, admin: Headers, telemetry: TelemetryServer
) -> None:
    query = "where=gen_ai.usage.output_tokens%3E1000&where=http.route~%2Fapi&status=error"

    await client.get(f"{API}/traces?{query}", headers=admin)

    assert telemetry.last.query == "where=gen_ai.usage.output_tokens>1000&where=http.route~/api&status=error"


async def test_grafana_may_ask_by_form(client: httpx.AsyncClient, admin: Headers, telemetry: TelemetryServer) -> None:
    form = {"query": "sum by (route) (rate(x[5m]))", "time": "1763600000"}

    answer = await client.post(f"{API}/prometheus/api/v1/query", headers=admin, data=form)

    assert answer.status_code == 200
    assert (telemetry.last.method, telemetry.last.path) == ("GET", "/prometheus/api/v1/query")
    assert telemetry.last.query == "query=sum by (route) (rate(x[5m]))&time=1763600000"


async def test_query_that_no_request_can_hold_is_refused(
    client: httpx.AsyncClient, admin: Headers, telemetry: TelemetryServer
) -> None:
    answer = await client.post(f"{API}/prometheus/api/v1/query", headers=admin, data={"query": "x" * 100_000})

    assert (answer.status_code, answer.json()["code"]) == (422, "long_query")
    assert telemetry.asked == []
