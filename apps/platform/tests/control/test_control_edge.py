"""What every answer of the control plane keeps to: problems, headers, limits, and a log without secrets."""

import asyncio
from typing import Any

import httpx
import pytest
import structlog
from fastapi import FastAPI
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from apps.platform.tests.control.conftest import URL
from lumina_platform.control.app import create_app
from lumina_platform.control.building import build
from lumina_platform.control.environment import Environment
from lumina_platform.control.world import World

Headers = dict[str, str]


@pytest.mark.parametrize(
    ("method", "path", "content", "status", "code"),
    [
        ("GET", "/nowhere", None, 404, "not_found"),
        ("DELETE", "/readyz", None, 405, "method_not_allowed"),
        ("POST", "/api/governance/keys", b"{", 422, "malformed_request"),
        ("POST", "/api/governance/keys", b"\xff\xfe", 422, "malformed_request"),
        ("POST", "/api/governance/keys", b"{}", 422, "malformed_request"),
        ("POST", "/api/governance/keys", b"x" * 5_000_000, 413, "body_too_large"),
        ("GET", "/static/../../etc/passwd", None, 404, "not_found"),
        ("GET", "/static/passwd", None, 404, "asset_not_found"),
    ],
)
async def test_error_is_a_problem_with_a_code(
    client: httpx.AsyncClient, admin: Headers, method: str, path: str, content: bytes | None, status: int, code: str
) -> None:
    headers = admin | {"content-type": "application/json"}

    answer = await client.request(method, path, headers=headers, content=content)

    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["next_step"]


@pytest.mark.parametrize(
    ("headers", "what"),
    [
        ({"content-type": "text/plain"}, "text/plain"),
        ({"content-type": "application/json", "content-encoding": "gzip"}, "gzip"),
        ({}, "no named type"),
    ],
)
@pytest.mark.parametrize("path", ["/api/governance/keys", "/api/governance/sessions"])
async def test_body_that_is_not_plain_json_is_refused_with_what_it_is(
    client: httpx.AsyncClient, admin: Headers, headers: Headers, what: str, path: str
) -> None:
    answer = await client.post(path, headers=admin | headers, content=b'{"name": "k"}')

    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_body")
    assert what in answer.json()["detail"]


@pytest.mark.parametrize(
    ("headers", "what"),
    [
        ([("host", "lumina.test"), ("host", "other.test")], "2 Host"),
        ([("content-type", "application/json"), ("content-type", "text/plain")], "2 Content-Type"),
    ],
)
async def test_head_that_can_be_read_in_two_ways_is_refused(
    client: httpx.AsyncClient, headers: list[tuple[str, str]], what: str
) -> None:
    answer = await client.get("/healthz", headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_head")
    assert what in answer.json()["detail"]


async def test_request_without_a_host_is_refused(client: httpx.AsyncClient) -> None:
    request = client.build_request("GET", "/healthz")
    del request.headers["host"]

    answer = await client.send(request)

    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_head")


@pytest.mark.parametrize(("forwarded", "status"), [("https", 401), ("http", 403)])
async def test_origin_behind_a_trusted_proxy_has_the_scheme_that_the_proxy_tells(
    app: FastAPI, forwarded: str, status: int
) -> None:
    proxied = httpx.ASGITransport(ProxyHeadersMiddleware(app, "127.0.0.1"))  # type: ignore[arg-type]  # uvicorn's ASGI
    headers = {"origin": "https://lumina.test", "x-forwarded-proto": forwarded}

    async with httpx.AsyncClient(transport=proxied, base_url=URL) as browser:
        answer = await browser.post("/api/governance/sessions", json={"login": "ana", "password": "x"}, headers=headers)

    assert answer.status_code == status


async def test_bug_is_a_500_that_says_nothing_of_the_inside(client: httpx.AsyncClient, app: FastAPI) -> None:
    @app.get("/bug")
    async def bug() -> None:
        raise RuntimeError("the password is swordfish")

    with structlog.testing.capture_logs() as events:
        answer = await client.get("/bug")

    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "swordfish" not in answer.text
    assert answer.headers["x-frame-options"] == "DENY"
    assert [event["event"] for event in events] == ["unhandled error", "request"]


@pytest.mark.parametrize("path", ["/healthz", "/nowhere", "/docs", "/static/page.css", "/api/governance/me"])
async def test_every_answer_has_the_security_headers(client: httpx.AsyncClient, path: str) -> None:
    headers = (await client.get(path)).headers

    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "unsafe-inline" not in headers["content-security-policy"]


async def test_other_sites_pages_get_no_answer_by_default(client: httpx.AsyncClient, admin: Headers) -> None:
    answer = await client.get("/api/governance/me", headers=admin | {"origin": "http://other.test"})

    assert "access-control-allow-origin" not in answer.headers


async def test_pages_of_a_named_origin_may_read_the_api(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LUMINA_PLATFORM_CORS_ORIGINS", "https://ui.test, https://other.test")
    world = build(environment)
    world.readiness.ready.set()

    async with httpx.AsyncClient(transport=httpx.ASGITransport(create_app(world)), base_url=URL) as client:
        named = await client.get("/healthz", headers={"origin": "https://ui.test"})
        stranger = await client.get("/healthz", headers={"origin": "https://evil.test"})

    assert named.headers["access-control-allow-origin"] == "https://ui.test"
    assert "access-control-allow-credentials" not in named.headers
    assert "access-control-allow-origin" not in stranger.headers


async def test_request_is_logged_by_its_route_with_the_callers_trace(client: httpx.AsyncClient) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"

    with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as events:
        await client.get("/sign-in/very-secret-token", headers={"traceparent": f"00-{trace}-b7ad6b7169203331-01"})

    (line,) = [event for event in events if event["event"] == "request"]
    assert (line["route"], line["status"], line["trace_id"]) == ("/sign-in/{token}", 401, trace)
    assert "very-secret-token" not in str(events)


async def test_change_carries_the_trace_of_its_request_into_the_ledger(
    client: httpx.AsyncClient, admin: Headers
) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    headers = admin | {"traceparent": f"00-{trace}-b7ad6b7169203331-01"}
    await client.post("/api/governance/keys", headers=headers, json={"name": "k"})

    entries = (await client.get("/api/governance/ledger", headers=admin)).json()["items"]

    assert entries[0]["trace_id"] == trace


async def test_requests_wait_for_the_start_and_readyz_does_not(environment: Environment) -> None:
    world = build(environment)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(create_app(world)), base_url=URL) as client:
        waiting = asyncio.create_task(client.get("/sign-in"))
        starting = await client.get("/readyz")
        assert not waiting.done()
        world.readiness.ready.set()
        ready = await client.get("/readyz")

        assert (await waiting).status_code == 200

    assert (starting.status_code, starting.json()) == (503, {"status": "starting", "parts": {"control": "starting"}})
    assert (ready.status_code, ready.json()) == (200, {"status": "ready", "parts": {"database": "ready"}})
    await world.database.close()


async def test_without_its_database_the_plane_is_not_ready(
    client: httpx.AsyncClient, world: World, environment: Environment
) -> None:
    away = build(environment)
    away.readiness.ready.set()
    away.readiness.database = type(away.database)("sqlite:////nowhere/at/all.sqlite")

    async with httpx.AsyncClient(transport=httpx.ASGITransport(create_app(away)), base_url=URL) as other:
        answer = await other.get("/readyz")

    assert (answer.status_code, answer.json()["parts"]) == (503, {"database": "failed"})
    assert (await client.get("/readyz")).status_code == 200


async def test_metrics_count_requests_by_route_and_show_the_ledgers_head(
    client: httpx.AsyncClient, admin: Headers
) -> None:
    await client.get("/api/governance/keys", headers=admin)
    head: dict[str, Any] = (await client.get("/api/governance/ledger/verify", headers=admin)).json()

    text = (await client.get("/metrics", headers=admin)).text

    assert 'lumina_control_requests_total{method="GET",route="/api/governance/keys",status="200"} 1.0' in text
    assert f'lumina_ledger_head_info{{hash="{head["head_hash"]}",number="{head["head_number"]}"}} 1.0' in text
    assert "lumina_outbox_dead_letters 0.0" in text


async def test_status_without_a_supervisor_says_how_to_start_one(client: httpx.AsyncClient, admin: Headers) -> None:
    answer = await client.get("/api/platform/status", headers=admin)

    assert (answer.status_code, answer.json()["code"]) == (503, "supervisor_unreachable")
    assert "lumina up" in answer.json()["next_step"]


async def test_openapi_describes_every_route_under_its_own_name(client: httpx.AsyncClient, admin: Headers) -> None:
    described = (await client.get("/openapi.json", headers=admin)).json()

    ids = [route["operationId"] for path in described["paths"].values() for route in path.values()]
    assert described["openapi"].startswith("3.1")
    assert len(ids) == len(set(ids))
    assert "governance_create_key" in ids


async def test_openapi_names_the_header_of_the_project_where_it_counts(
    client: httpx.AsyncClient, admin: Headers
) -> None:
    paths = (await client.get("/openapi.json", headers=admin)).json()["paths"]

    def headers(method: str, path: str) -> list[str]:
        return [p["name"] for p in paths[path][method].get("parameters", []) if p["in"] == "header"]

    assert headers("get", "/api/governance/keys") == ["X-Lumina-Project"]
    assert headers("post", "/api/governance/sessions") == []


async def test_health_is_an_alias_of_readiness(client: httpx.AsyncClient) -> None:
    answers = [await client.get(path) for path in ("/health", "/readyz")]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
