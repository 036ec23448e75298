"""Questions about telemetry: passed on within what the caller may see, and answered byte by byte."""

import asyncio
from contextlib import suppress
from typing import Any

import httpx
import pytest
from aiohttp import web
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from apps.platform.tests.control.conftest import bearer
from apps.platform.tests.control.telemetry_server import TelemetryServer
from lumina_kit.roles import Role, Scope
from lumina_platform.control.world import World

Headers = dict[str, str]
API = "/api/telemetry"
TRACE = "0af7651916cd43dd8448eb211c80319c"
LISTING: dict[str, Any] = {"items": [], "next": None, "cut": None}
FILLED = {"{trace_id}": TRACE, "{held_id:path}": "chatcmpl-1", "{name}": "route", "{service}": "gateway"}
NEEDED = {
    f"{API}/traces/values": "?attribute=service",
    **{f"{API}/metrics/{name}": "?query=up" for name in ("query", "query_range")},
    **{f"{API}/metrics/{name}": "?metric=up" for name in ("rate", "percentiles", "top", "exemplars")},
}
PROMETHEUS = f"{API}/prometheus/api/v1"
OURS = {  # control itself answers these
    f"{API}/about", f"{API}/content", f"{API}/content/{{trace_id}}", f"{PROMETHEUS}/{{path:path}}"
}  # fmt: skip


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
        assert telemetry.last.headers["x-lumina-own"] == "1", path  # an operator reads how the system is


async def test_who_may_name_any_project_sees_the_one_that_is_named(
    client: httpx.AsyncClient, admin: Headers, telemetry: TelemetryServer
) -> None:
    other = (await client.post("/api/governance/projects", headers=admin, json={"slug": "other"})).json()

    await client.get(f"{API}/traces", headers=admin | {"x-lumina-project": "other"})

    assert telemetry.last.headers["x-lumina-project"] == other["id"]
    assert "x-lumina-own" not in telemetry.last.headers


async def test_a_key_that_scrapes_may_ask_as_grafana_does_and_nothing_else(
    client: httpx.AsyncClient, admin: Headers, telemetry: TelemetryServer
) -> None:
    scraper = await a_key(client, admin, scopes=["metrics"])
    telemetry.answer("/prometheus/api/v1/query", LISTING)

    asked = await client.get(f"{API}/prometheus/api/v1/query", params={"query": "up"}, headers=scraper)
    traces = await client.get(f"{API}/traces", headers=scraper)

    assert (asked.status_code, traces.status_code) == (200, 403)
    assert telemetry.last.headers["x-lumina-own"] == "1"


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
        told = answer.json()
        as_prometheus = (told.get("status"), told.get("errorType")) == ("error", "unavailable")
        assert as_prometheus if path.startswith(PROMETHEUS) else told["code"] == "telemetry_unavailable", path
        assert answer.status_code == 503
        assert "lumina status" in answer.text


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


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("path", ["status/config", "format_query", "admin/tsdb/snapshot"])
async def test_paths_that_only_prometheus_has_are_told_as_it_would(
    client: httpx.AsyncClient, admin: Headers, telemetry: TelemetryServer, method: str, path: str
) -> None:
    answer = await client.request(method, f"{PROMETHEUS}/{path}", headers=admin)
    stranger = await client.request(method, f"{PROMETHEUS}/{path}")

    told = answer.json()
    assert (answer.status_code, told["status"], told["errorType"]) == (404, "error", "not_found")
    assert path in told["error"]
    assert (stranger.status_code, stranger.json()["code"]) == (401, "unauthenticated")
    assert telemetry.asked == []


async def test_grafana_may_ask_by_form(client: httpx.AsyncClient, admin: Headers, telemetry: TelemetryServer) -> None:
    form = {"query": "sum by (route) (rate(x[5m]))", "time": "1763600000"}

    answer = await client.post(f"{API}/prometheus/api/v1/query", headers=admin, data=form)

    assert answer.status_code == 200
    assert (telemetry.last.method, telemetry.last.path) == ("GET", "/prometheus/api/v1/query")
    assert telemetry.last.query == "query=sum by (route) (rate(x[5m]))&time=1763600000"


async def test_form_that_is_escaped_sparingly_is_understood(
    client: httpx.AsyncClient, admin: Headers, telemetry: TelemetryServer
) -> None:
    form = "query=sum by (job) (up) # ä\n"

    headers = admin | {"content-type": "application/x-www-form-urlencoded"}
    answer = await client.post(f"{API}/prometheus/api/v1/query", headers=headers, content=form.encode())

    assert (answer.status_code, telemetry.last.query) == (200, "query=sum by (job) (up) # ä")


@pytest.mark.parametrize("dots", ["%2e", "%2e%2e", "%2E%2e%2E"])
async def test_dots_in_a_path_lead_to_no_other_question(
    client: httpx.AsyncClient, admin: Headers, telemetry: TelemetryServer, dots: str
) -> None:
    await client.get(f"{API}/metrics/labels/{dots}", headers=admin)

    assert telemetry.last.path.lower() == f"/metrics/labels/{dots}".lower()


async def test_query_that_no_request_can_hold_is_refused(
    client: httpx.AsyncClient, admin: Headers, telemetry: TelemetryServer
) -> None:
    answer = await client.post(f"{API}/prometheus/api/v1/query", headers=admin, data={"query": "x" * 100_000})

    assert (answer.status_code, answer.json()["errorType"]) == (400, "bad_data")
    assert telemetry.asked == []


async def test_who_may_no_longer_follows_no_longer(
    client: httpx.AsyncClient, admin: Headers, world: World, telemetry: TelemetryServer
) -> None:
    world.telemetry.client.check_seconds = 0
    made = (await client.post("/api/governance/keys", headers=admin, json={"name": "k", "role": "operator"})).json()

    async def follows(answer: web.StreamResponse) -> None:
        await client.delete(f"/api/governance/keys/{made['id']}", headers=admin)
        with suppress(ConnectionError):
            while True:
                await answer.write(b"event: log\ndata: secret\n\n")
                await asyncio.sleep(0.01)

    telemetry.follows = follows
    answer = await client.get(f"{API}/logs/tail", headers=bearer(made["secret"]))

    assert (answer.status_code, answer.text) == (200, "")


async def test_resolved_id_has_its_names_and_its_changes_and_who_made_them_for_readers_of_the_ledger(
    client: httpx.AsyncClient, admin: Headers, telemetry: TelemetryServer
) -> None:
    operator = await a_key(client, admin, role=Role.OPERATOR)
    me = (await client.get("/api/governance/me", headers=operator)).json()
    attributes = {
        "lumina.key.id": me["id"], "lumina.route": "support", "gen_ai.usage.input_tokens": 10,
        "lumina.cost.nano_usd": 7, "http.response.status_code": 200, "lumina.prompt.rendered_sha256": "ab" * 32,
    }  # fmt: skip
    span = {
        "trace_id": TRACE, "span_id": "b7ad6b7169203331", "parent_id": None, "name": "chat", "kind": "server",
        "status": "unset", "status_message": None, "service": "lumina-gateway", "scope": "", "ours": True,
        "project": me["project_id"], "start": "2126-11-20T14:03:07.123456789Z", "duration_ms": 5.0,
        "attributes": attributes, "events": [], "links": [], "resource": {},
    }  # fmt: skip
    telemetry.answer(
        "/resolve/chatcmpl-1", {"items": [{"matched": "response_id", "span": span}], "next": None, "cut": None}
    )

    whole = (await client.get(f"{API}/resolve/chatcmpl-1", headers=admin)).json()["items"][0]
    less = (await client.get(f"{API}/resolve/chatcmpl-1", headers=operator)).json()["items"][0]

    assert whole["key"] == {"id": me["id"], "name": "k"}
    assert (whole["project"]["id"], whole["project"]["name"]) == (me["project_id"], "Default")
    assert (whole["route"], whole["input_tokens"], whole["cost_nano_usd"]) == ("support", 10, 7)
    assert (whole["prompt_sha256"], whole["http_status"], whole["backend"]) == ("ab" * 32, 200, None)
    assert [entry["what"] for entry in whole["ledger"]] == ["key.created", "project.created"]
    assert whole["ledger"][0]["who"] == "admin.key"
    assert [entry["who"] for entry in less["ledger"]] == [None, None]
    assert [entry["hash"] for entry in less["ledger"]] == [entry["hash"] for entry in whole["ledger"]]


async def test_id_with_a_slash_is_asked_for_like_any_other(
    client: httpx.AsyncClient, admin: Headers, telemetry: TelemetryServer
) -> None:
    telemetry.answer("/resolve/chatcmpl/1", {"items": [], "next": None, "cut": None})

    answer = await client.get(f"{API}/resolve/chatcmpl%2F1", headers=admin)

    assert (answer.status_code, answer.json()["items"]) == (200, [])
