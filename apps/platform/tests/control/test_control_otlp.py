"""Export requests from outside: who may send, what reaches the telemetry process, and what bounds them."""

import asyncio
import gzip
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from starlette.types import Message

from apps.platform.tests.control.conftest import bearer
from apps.platform.tests.control.telemetry_server import TelemetryServer
from lumina_kit.roles import Scope
from lumina_platform.control.otlp import BODY_BYTES
from lumina_platform.control.world import World

Headers = dict[str, str]
PROTOBUF = {"content-type": "application/x-protobuf"}
TRACES = "/otlp/v1/traces"


async def a_key(client: httpx.AsyncClient, admin: Headers, *scopes: Scope) -> Headers:
    made = await client.post("/api/governance/keys", headers=admin, json={"name": "k", "scopes": list(scopes)})
    return bearer(made.json()["secret"])


@pytest.mark.parametrize("signal", ["traces", "logs", "metrics"])
async def test_request_goes_on_as_it_came_with_its_project_and_nothing_secret(
    client: httpx.AsyncClient, admin: Headers, telemetry: TelemetryServer, signal: str
) -> None:
    sent = gzip.compress(b"\x0a\x00" * 1000)
    key = await a_key(client, admin, Scope.OTLP)
    forged = {"x-lumina-capture": "1", "cookie": "lumina_session=x"}

    headers = key | PROTOBUF | {"content-encoding": "gzip"} | forged
    answer = await client.post(f"/otlp/v1/{signal}", headers=headers, content=sent)

    assert answer.status_code == 200
    asked = telemetry.last
    assert (asked.method, asked.path, asked.body) == ("POST", f"/v1/{signal}", sent)
    assert (asked.headers["content-type"], asked.headers["content-encoding"]) == ("application/x-protobuf", "gzip")
    me = (await client.get("/api/governance/me", headers=key)).json()
    assert asked.headers["x-lumina-project"] == me["project_id"]
    assert {"authorization", "cookie", "x-lumina-capture"}.isdisjoint(asked.headers)


async def test_project_that_captures_is_told_of(
    client: httpx.AsyncClient, admin: Headers, world: World, telemetry: TelemetryServer
) -> None:
    me = (await client.get("/api/governance/me", headers=admin)).json()
    path = f"/api/governance/projects/{me['project_id']}/capture"
    await client.put(path, headers=admin, json={"enabled": True, "retention_days": 1})
    await world.hub.compile()

    await client.post(TRACES, headers=admin | PROTOBUF, content=b"")

    assert telemetry.last.headers["x-lumina-capture"] == "1"


async def test_telemetrys_answer_comes_back_whole(
    client: httpx.AsyncClient, admin: Headers, telemetry: TelemetryServer
) -> None:
    telemetry.answer("/v1/traces", b"\x08\x01", 429, **{"content-type": "application/x-protobuf", "retry-after": "7"})

    answer = await client.post(TRACES, headers=admin | PROTOBUF, content=b"x")

    assert (answer.status_code, answer.content, answer.headers["retry-after"]) == (429, b"\x08\x01", "7")
    assert answer.headers["content-type"] == "application/x-protobuf"


async def test_larger_bodies_than_elsewhere_pass_and_too_large_ones_do_not(
    client: httpx.AsyncClient, admin: Headers, telemetry: TelemetryServer
) -> None:
    async def pieces(count: int) -> AsyncIterator[bytes]:
        for _ in range(count):
            yield b"x" * 2**20

    passed = await client.post(TRACES, headers=admin | PROTOBUF, content=pieces(8))
    declared = await client.post(TRACES, headers=admin | PROTOBUF, content=b"x" * (BODY_BYTES + 1))
    endless = await client.post(TRACES, headers=admin | PROTOBUF, content=pieces(40))

    assert (passed.status_code, len(telemetry.asked[0].body)) == (200, 8 * 2**20)
    assert [(each.status_code, each.json()["code"]) for each in (declared, endless)] == [(413, "body_too_large")] * 2


@pytest.mark.parametrize(("scopes", "status"), [((), 401), ((Scope.INFERENCE,), 403), ((Scope.OTLP,), 200)])
async def test_only_a_key_that_may_send_gets_in(
    client: httpx.AsyncClient, admin: Headers, telemetry: TelemetryServer, scopes: tuple[Scope, ...], status: int
) -> None:
    key = await a_key(client, admin, *scopes) if scopes else {}

    answer = await client.post(TRACES, headers=key | PROTOBUF, content=b"")

    assert answer.status_code == status
    assert len(telemetry.asked) == (status == 200)


async def test_coding_that_telemetry_cannot_unpack_is_refused_at_the_door(
    client: httpx.AsyncClient, admin: Headers, telemetry: TelemetryServer
) -> None:
    answer = await client.post(TRACES, headers=admin | PROTOBUF | {"content-encoding": "br"}, content=b"x")

    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_body")
    assert "gzip" in answer.json()["next_step"]
    assert telemetry.asked == []


async def test_sender_who_goes_away_in_the_middle_is_no_failure_of_ours(
    app: FastAPI, admin: Headers, world: World, telemetry: TelemetryServer
) -> None:
    scope = {
        "type": "http", "http_version": "1.1", "method": "POST", "path": TRACES, "raw_path": TRACES.encode(),
        "query_string": b"", "scheme": "http", "client": ("127.0.0.1", 1), "server": ("lumina.test", 80),
        "headers": [
            (b"host", b"lumina.test"), (b"authorization", admin["authorization"].encode()),
            (b"content-type", b"application/x-protobuf"), (b"content-length", b"1000"),
        ],
    }  # fmt: skip
    messages: list[Message] = [
        {"type": "http.request", "body": b"abc", "more_body": True},
        {"type": "http.disconnect"},
    ]
    sent: list[Message] = []

    async def receive() -> Message:
        return messages.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)

    assert sent == []
    labels = {"method": "POST", "route": TRACES, "status": "499"}
    assert world.metrics.registry.get_sample_value("lumina_control_requests_total", labels) == 1
    assert telemetry.asked == []


async def test_sender_is_told_when_to_come_again_while_telemetry_is_away(
    client: httpx.AsyncClient, admin: Headers
) -> None:
    answer = await client.post(TRACES, headers=admin | PROTOBUF, content=b"x")

    assert (answer.status_code, answer.json()["code"]) == (503, "telemetry_unavailable")
    assert int(answer.headers["retry-after"]) > 0
    assert "lumina status" in answer.json()["next_step"]


async def test_more_requests_at_once_than_allowed_are_sent_away_and_places_come_free(
    client: httpx.AsyncClient, admin: Headers, world: World, telemetry: TelemetryServer
) -> None:
    world.otlp.most = 1
    begun, end = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        begun.set()
        yield b"x"
        await end.wait()

    first = asyncio.create_task(client.post(TRACES, headers=admin | PROTOBUF, content=slow()))
    await begun.wait()
    second = await client.post(TRACES, headers=admin | PROTOBUF, content=b"")
    end.set()

    assert (second.status_code, second.json()["code"]) == (429, "otlp_busy")
    assert int(second.headers["retry-after"]) == 1
    assert (await first).status_code == 200
    assert (await client.post(TRACES, headers=admin | PROTOBUF, content=b"")).status_code == 200
    assert telemetry.last.path == "/v1/traces"


async def test_numbers_of_telemetry_stand_beside_controls_own(
    client: httpx.AsyncClient, admin: Headers, telemetry: TelemetryServer
) -> None:
    told = b"# HELP lumina_telemetry_stored_total Stored.\n# TYPE lumina_telemetry_stored_total counter\n"
    rows = b'lumina_telemetry_stored_total{signal="spans"} 5.0\n'
    ours = b"# HELP lumina_snapshot_keys Twice.\n# TYPE lumina_snapshot_keys gauge\nlumina_snapshot_keys 99.0\n"
    telemetry.answer("/self", told + rows + ours, 200, **{"content-type": "text/plain"})

    plain = await client.get("/metrics", headers=admin)
    open_metrics = await client.get("/metrics", headers=admin | {"accept": "application/openmetrics-text"})

    for answer in (plain.text, open_metrics.text):
        assert 'lumina_telemetry_stored_total{signal="spans"} 5.0' in answer
        assert answer.count("# TYPE lumina_snapshot_keys ") == 1
        assert "lumina_snapshot_keys 1.0" in answer
    assert open_metrics.text.endswith("# EOF\n")


async def test_controls_own_numbers_come_also_while_telemetry_is_away(
    client: httpx.AsyncClient, admin: Headers
) -> None:
    answer = await client.get("/metrics", headers=admin)

    assert answer.status_code == 200
    assert "lumina_control_requests_total" in answer.text
