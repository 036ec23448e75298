"""What people write is in no telemetry: a marker goes through every endpoint of a whole Lumina, and is found nowhere.

Each case has a marker of its own, so that one which is found says where it came in.
"""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pytest
from fastapi.routing import iter_route_contexts

from apps.platform.tests.control.conftest import environment_of
from apps.platform.tests.marker_backend import MODES, SLOW_SECONDS, Receiver, receiver, repeating_backend
from apps.platform.tests.marker_cases import Case, Markers, gateway_cases, operation_cases, operations
from lumina_inference.gateway import health
from lumina_kit.masterkey import MasterKey
from lumina_platform.cli.target import find_target
from lumina_platform.control.app import create_app
from lumina_platform.control.building import build
from lumina_telemetry.intake import content as conventions
from tools.testing.live import Started, started

RECORDS = {
    "POST /api/governance/projects": "a project's name",
    "POST /api/governance/keys": "a key's name, and what its maker keeps with it",
    "POST /key/generate": "a key's alias, and what its maker keeps with it",
    "POST /api/governance/people": "a person's login and name",
    "PATCH /api/governance/people/{person_id}": "a person's name",
    "PUT /api/governance/projects/{project_id}/capture": "the reason that the audit log keeps",
    "PUT /api/governance/people/{person_id}/grants/{permission}": "the reason that the audit log keeps",
    "PUT /api/governance/keys/{key_id}/grants/{permission}": "the reason that the audit log keeps",
}
"""What is written by these is a record of the platform, shown under its name: it belongs into the database."""
DATABASE = "lumina.sqlite"
CONTENT = "content.sqlite"
AT_ONCE = 16
SIGHTED = "an identifier"
CHAT = "/v1/chat/completions"
FORM = {
    "type": "object",
    "properties": {name: {"type": "string"} for name in ("login", "password", "query", "match[]", "next", "start")},
}
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@dataclass
class Left:
    """All that a Lumina left behind, by place, once it had ended; and what was sent to it."""

    markers: Markers = field(default_factory=Markers)
    places: dict[str, bytes] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)
    spans: int = 0
    otlp: Receiver = field(default_factory=Receiver)
    captured: list[str] = field(default_factory=list)
    read: list[dict[str, Any]] = field(default_factory=list)
    opened: bytes = b""

    def found(self) -> dict[str, set[str]]:
        """Where a marker is in clear, and which cases it is from."""
        found = {place: self.markers.found_in(content) for place, content in self.places.items()}
        return {place: cases for place, cases in found.items() if cases}


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Left:
    """Everything is sent, and Lumina is stopped: only then is all of it on disk."""
    folder, left = tmp_path_factory.mktemp("marker"), Left()
    with repeating_backend() as backend, receiver() as left.otlp:
        config = folder / "gateway.yaml"
        config.write_text(configuration(backend))
        export = {"OTEL_EXPORTER_OTLP_ENDPOINT": left.otlp.url, "LUMINA_PLATFORM_LOG_LEVEL": "debug"}
        with started(folder, "--config", str(config), **export) as lumina:
            asyncio.run(everything(lumina, left, folder))
        left.places["terminal"] = "".join(lumina.printed).encode()
        left.places["exports"] = b"\n".join(left.otlp.bodies)
    left.places |= files(folder)
    left.places["telemetry by query"], left.spans = stored(lumina.home.path / "telemetry" / "telemetry.duckdb")
    left.opened = opened(folder, lumina)
    return left


def configuration(backend: str) -> str:
    """A route for each way in which the backend ends."""
    models = [
        {
            "model_name": mode,
            "litellm_params": {
                "model": f"openai/{mode}", "api_base": backend, "api_key": "sk-0123456789",
                "timeout": SLOW_SECONDS if mode == "slow" else 20,
            },
        }
        for mode in MODES
    ]  # fmt: skip
    return json.dumps({"model_list": models, "router_settings": {"num_retries": 0, "disable_cooldowns": True}})


async def everything(lumina: Started, left: Left, folder: Path) -> None:
    """Send all cases, and what is captured; ask both planes for their metrics."""
    target = find_target(lumina.home.path)
    assert target.gateway
    admin = {"authorization": f"Bearer {target.key}"}
    async with client(target.control) as control, client(target.gateway) as gateway:
        inference = list(gateway_cases(left.markers, gateway_document()))
        cases = list(control_cases(left.markers, folder, await throwaways(control, admin)))
        async with asyncio.TaskGroup() as both:  # the translator takes its time to start
            both.create_task(send_all(gateway, admin, inference, left))
            both.create_task(send_all(control, admin, [case for case in cases if case.method != "DELETE"], left))
        await send_all(control, admin, [case for case in cases if case.method == "DELETE"], left)
        await send_otlp(control, admin, left, "of a project that does not capture")
        await sighted(control, gateway, admin, left)
        await capture(control, gateway, admin, left)
        for plane in (control, gateway):
            left.places[f"{plane.base_url}/metrics"] = (await plane.get("/metrics", headers=admin)).content


@asynccontextmanager
async def client(address: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=address, timeout=30, trust_env=False) as client:
        yield client


def gateway_document() -> dict[str, Any]:
    return dict(json.loads((Path(health.__file__).parent / "openapi.json").read_bytes()))


async def throwaways(control: httpx.AsyncClient, admin: dict[str, str]) -> dict[str, str]:
    """Something of each kind that a path can name."""
    made = {}
    for name, noun, body in (
        ("project_id", "projects", {"slug": "throwaway"}),
        ("key_id", "keys", {"name": "throwaway"}),
        ("person_id", "people", {"login": "throwaway"}),
    ):
        answer = await control.post(f"/api/governance/{noun}", json=body, headers=admin)
        made[name] = str(answer.json()["id"])
    return made | {"trace_id": TRACE, "permission": "content.read"}


def control_cases(markers: Markers, folder: Path, ids: Mapping[str, str]) -> Iterator[Case]:
    """Every route of control: by its schema, and those that the document does not name by hand."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("LUMINA_KEY_FILE", str(folder / "other.key"))
        app = create_app(build(environment_of(folder / "other")))
    document = app.openapi()
    known = set()
    for method, path, operation in operations(document):
        known.add((method, path))
        yield from operation_cases(markers, document, method, path, operation, ids)
    for context in iter_route_contexts(app.routes):
        for method in sorted((context.methods or set()) - {"HEAD", "OPTIONS"}):
            if (method, str(context.path)) not in known:
                yield from operation_cases(markers, document, method, str(context.path), ANY_FORM, ids)
    said = markers.new("control: a path that is not there")
    yield Case(said.word, "POST", f"/api/{said.word}", {"a": said.text}, query={said.word: said.text})


ANY_FORM = {"requestBody": {"content": {"application/x-www-form-urlencoded": {"schema": FORM}}}}


async def send_all(plane: httpx.AsyncClient, admin: dict[str, str], cases: list[Case], left: Left) -> None:
    """Send each, a few at once."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(case: Case) -> None:
        async with gate:
            left.statuses[case.name] = await status_of(plane, admin, case)

    async with asyncio.TaskGroup() as tasks:
        for case in cases:
            tasks.create_task(one(case))


async def status_of(plane: httpx.AsyncClient, admin: dict[str, str], case: Case) -> int:
    """The status, once the whole answer was read; of an endless one the head is enough."""
    headers = {**case.headers, **({} if case.stranger else admin)}
    if case.form is None:
        headers["content-type"] = "application/json"
    content = json.dumps(case.body).encode() if case.body is not None else case.content
    request = plane.build_request(
        case.method, case.path, content=content, data=case.form, headers=headers, params=dict(case.query)
    )
    answer = await plane.send(request, stream=True)
    try:
        if not case.path.endswith("/tail"):
            await answer.aread()
    except httpx.RemoteProtocolError:  # a cut answer is one of the ways to end
        pass
    finally:
        await answer.aclose()
    return answer.status_code


async def sighted(control: httpx.AsyncClient, gateway: httpx.AsyncClient, admin: dict[str, str], left: Left) -> None:
    """What may be kept, in each place: a marker as an identifier. It shows that the search finds what is there."""
    said = left.markers.new(SIGHTED)
    span = {"traceId": TRACE, "spanId": SPAN, "name": said.word}
    await control.post("/otlp/v1/traces", json={"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}, headers=admin)
    await gateway.get("/v1/models", headers=admin | {"x-request-id": said.word})


async def send_otlp(control: httpx.AsyncClient, headers: dict[str, str], left: Left, whose: str) -> None:
    """A marker in each attribute and event that a convention gives to people's words."""
    for convention in conventions.TABLE:
        said = left.markers.new(f"OTLP {convention.name} {whose}")
        text = {"stringValue": said.text}
        own = [{"key": pattern.replace("*", "0"), "value": text} for pattern in convention.attributes]
        events = [pattern.replace("*", "user") for pattern in convention.events]
        told = [
            {"name": name, "timeUnixNano": "1", "attributes": [{"key": "content", "value": text}]} for name in events
        ]
        ids = {"traceId": TRACE, "spanId": f"{len(left.markers.names):016x}"}
        failed = {"code": 2, "message": f"ValueError: {said.text}"}
        span = {**ids, "name": "s", "attributes": own, "events": told, "status": failed}
        logs: list[dict[str, Any]] = [{**ids, "attributes": own}]
        logs += [{**ids, "eventName": name, "body": text} for name in events]
        for path, kind, of in (("traces", "Span", [span]), ("logs", "Log", logs)):
            inner = "spans" if kind == "Span" else "logRecords"
            body = {f"resource{kind}s": [{f"scope{kind}s": [{inner: of}]}]}
            answer = await control.post(f"/otlp/v1/{path}", json=body, headers=headers)
            assert answer.status_code == 200, answer.text


async def capture(control: httpx.AsyncClient, gateway: httpx.AsyncClient, admin: dict[str, str], left: Left) -> None:
    """The same in a project that captures; and read it back by one who was let."""
    made = await control.post("/api/governance/projects", json={"slug": "captures"}, headers=admin)
    there = admin | {"x-lumina-project": "captures"}
    path = f"/api/governance/projects/{made.json()['id']}/capture"
    await control.put(path, json={"enabled": True, "retention_days": 7}, headers=admin)
    key = (await control.post("/api/governance/keys", json={"name": "k", "role": "scientist"}, headers=there)).json()
    grant = {"hours": 1, "why": "this test"}
    await control.put(f"/api/governance/keys/{key['id']}/grants/content.read", json=grant, headers=there)
    reader = {"authorization": f"Bearer {key['secret']}"}
    traces = [TRACE]
    for stream in (False, True):
        said = left.markers.new(f"captured{' as a stream' if stream else ''}")
        left.captured.append(said.word)
        body = {"model": "echo", "stream": stream, "messages": [{"role": "user", "content": said.text}]}
        answer = await until(200, partial(gateway.post, CHAT, json=body, headers=reader))
        traces.append(answer.headers["x-lumina-trace-id"])
    before = len(left.markers.names)
    await send_otlp(control, reader, left, "of a project that captures")
    left.captured += [f"zqv{number + 1:05d}kx" for number in range(before, len(left.markers.names))]
    left.read = await read_back(control, reader, traces)


async def read_back(control: httpx.AsyncClient, reader: dict[str, str], traces: list[str]) -> list[dict[str, Any]]:
    """Once every trace has arrived in the store."""
    read: list[dict[str, Any]] = []
    for trace in traces:
        path = f"/api/telemetry/content/{trace}"
        why: dict[str, str] = {"why": "a test"}
        page = (await until(200, partial(control.get, path, headers=reader, params=why))).json()
        read += page["items"]
        while page["next_cursor"]:
            page = (await control.get(path, headers=reader, params=why | {"cursor": page["next_cursor"]})).json()
            read += page["items"]
    return read


async def until(status: int, ask: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
    """Ask until the answer has this status: keys and content take a moment to arrive."""
    answer = await ask()
    for _ in range(200):
        if answer.status_code == status:
            break
        await asyncio.sleep(0.05)
        answer = await ask()
    assert answer.status_code == status, answer.text
    return answer


def files(folder: Path) -> dict[str, bytes]:
    """Every file but the configuration, which nobody but the test has written."""
    names = [file for file in folder.rglob("*") if file.is_file() and file.name != "gateway.yaml"]
    return {str(file.relative_to(folder)): file.read_bytes() for file in names}


def stored(file: Path) -> tuple[bytes, int]:
    """Every row of telemetry's store as text, for its file is compressed; and how many spans there are."""
    with duckdb.connect(str(file), read_only=True) as store:
        tables = [name for (name,) in store.execute("SELECT table_name FROM duckdb_tables()").fetchall()]
        rows = [store.execute(f'SELECT * FROM "{name}"').fetchall() for name in tables]
        (spans,) = store.execute("SELECT count(*) FROM spans").fetchone() or (0,)
    return repr(rows).encode(), int(spans)


def opened(folder: Path, lumina: Started) -> bytes:
    """All of the content store, unsealed with the master key."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("LUMINA_KEY_FILE", str(folder / "master.key"))
        key = MasterKey.load(lumina.home)
    with sqlite3.connect(lumina.home.path / CONTENT) as store:
        rows = store.execute("SELECT project_id, sealed FROM telemetry_content").fetchall()
    return b"\n".join(key.open(f"content/{_dashed(project)}", sealed) for project, sealed in rows)


def _dashed(project: str) -> str:
    return "-".join((project[:8], project[8:12], project[12:16], project[16:20], project[20:]))


def test_no_word_of_anybody_is_left_but_in_records(left: Left) -> None:
    found = {place: cases - {SIGHTED} for place, cases in left.found().items()}

    database = {case for place in list(found) if Path(place).name.startswith(DATABASE) for case in found.pop(place)}
    assert {place: cases for place, cases in found.items() if cases} == {}
    assert {case.removesuffix(" filled") for case in database} == set(RECORDS)


def test_search_finds_what_may_be_kept(left: Left) -> None:
    places = {place for place, cases in left.found().items() if SIGHTED in cases}

    assert places >= {"telemetry by query", "exports", "home/logs/lumina.log", "terminal"}


def test_what_was_looked_through_is_where_telemetry_is(left: Left) -> None:
    inference = [name for name in left.markers.names if name.startswith("POST /v1/")]

    assert left.spans >= len(inference) > 100
    assert len(left.places["exports"]) > 10_000
    assert left.places["home/logs/lumina.log"].count(b"\n") > len(left.markers.names)
    assert all(len(content) > 1000 for place, content in left.places.items() if place.endswith("/metrics"))


def test_cases_reach_what_they_are_about(left: Left) -> None:
    by_case = {left.markers.names[int(word[3:8]) - 1]: status for word, status in left.statuses.items()}

    assert {by_case[f"POST {path} echo"] for path in ("/v1/chat/completions", "/v1/completions")} == {200}
    assert {by_case[f"POST /v1/chat/completions {mode}"] for mode in ("refuse", "fail", "slow")} == {400, 500, 504}
    assert {status for name, status in by_case.items() if status >= 500 and "/v1/" not in name} <= {503}


def test_captured_words_are_in_the_content_store_alone(left: Left) -> None:
    read = json.dumps(left.read)

    assert [word for word in left.captured if word not in read] == []
    assert all(word.encode() in left.opened for word in left.captured)
    assert len(left.markers.found_in(left.opened)) == len(left.captured)
