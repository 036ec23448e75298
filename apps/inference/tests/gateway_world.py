"""A world around a gateway under test: providers and a control plane with the real wire formats, on real sockets."""

import asyncio
import hashlib
import json
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, web
from msgspec import json as snapshot_json
from openai import AsyncOpenAI

from lumina_contracts.snapshot import Alias, Backend, KeyEntry, KeysPart, Route, RoutesPart, Snapshot, sealed
from lumina_inference.gateway.accesslog import AccessLog
from lumina_inference.gateway.app import Gateway, Surroundings, open_gateway
from lumina_inference.gateway.settings import GatewaySettings
from lumina_kit.home import Home
from lumina_kit.masterkey import MasterKey

CHAT = "/v1/chat/completions"
ADMIN_KEY = "lk-admin-0123456789"
USER_KEY = "lk-user-0123456789"
METRICS_KEY = "lk-metrics-0123456789"
BACKEND_KEY = "sk-backend-secret-0123456789"
MASTER = MasterKey(b"m" * 32)
AUTHORIZATION = f"Authorization: Bearer {USER_KEY}"
HELLO = b'{"model":"m","messages":[{"role":"user","content":"hi"}]}'
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)

Answerer = Callable[[web.Request, dict[str, Any]], Awaitable[web.StreamResponse]]


@dataclass
class Provider:
    """An OpenAI-compatible server; notes what it was asked."""

    url: str = ""
    bodies: list[dict[str, Any]] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)


@asynccontextmanager
async def provider(answer: Answerer, socket: Path | None = None) -> AsyncIterator[Provider]:
    """Serve `answer` on a loopback port, or on a unix socket."""
    seen = Provider()

    async def handle(request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        body = json.loads(raw) if raw else {}
        seen.raw.append(raw)
        seen.bodies.append(body)
        seen.headers.append(request.headers.copy())
        seen.paths.append(request.path_qs)
        return await answer(request, body)

    app = web.Application(client_max_size=2**26)
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.UnixSite(runner, str(socket)) if socket else web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    if socket is None:
        seen.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    try:
        yield seen
    finally:
        await runner.cleanup()


def chat_body(content: str = "hello", **more: Any) -> dict[str, Any]:
    """A chat completion as a provider sends it."""
    message = {"role": "assistant", "content": content, "refusal": None}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1700000000,
        "model": "served-model-1",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10},
    } | more


def chunk(delta: dict[str, Any] | None, finish: str | None = None, usage: dict[str, int] | None = None) -> bytes:
    """One event of a chat stream; no delta makes the usage event."""
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}]
    body = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1700000000, "model": "served-model-1"}
    return b"data: " + json.dumps(body | {"choices": choices, "usage": usage}).encode() + b"\n\n"


USAGE = {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}
STREAM = (
    chunk({"role": "assistant", "content": "hel"}),
    chunk({"content": "lo"}),
    chunk({}, finish="stop"),
    chunk(None, usage=USAGE),
    b"data: [DONE]\n\n",
)


async def plain_chat(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
    return web.json_response(chat_body())


def streaming(*blocks: bytes, cut: bool = False, pause: asyncio.Event | None = None) -> Answerer:
    """A provider that streams these blocks. `cut`: the connection then breaks; `pause`: wait before the last block."""

    async def answer(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for block in blocks[:-1]:
            await response.write(block)
        if pause is not None:
            await pause.wait()
        await response.write(blocks[-1])
        if cut and request.transport is not None:
            await asyncio.sleep(0)
            request.transport.abort()
        return response

    return answer


def backend(url: str, **more: Any) -> Backend:
    given = {"id": "b1", "provider": "openai", "model": "served-model", "url": url, "api_key": BACKEND_KEY}
    return Backend(**(given | more))


def key(secret: str, *, name: str = "k1", scopes: tuple[str, ...] = ("inference",), **more: Any) -> KeyEntry:
    return KeyEntry(id=name, sha256=hashlib.sha256(secret.encode()).hexdigest(), project_id="p1", scopes=scopes, **more)


KEYS = (
    key(ADMIN_KEY, name="k-admin", scopes=("inference", "metrics"), role="admin"),
    key(USER_KEY),
    key(METRICS_KEY, name="k-metrics", scopes=("metrics",)),
)


def snapshot(*backends: Backend, keys: tuple[KeyEntry, ...] = KEYS, **more: Any) -> Snapshot:
    """One route `m` over the backends, with an alias and a hidden alias."""
    route = Route(name="m", backends=backends, kinds=("chat", "completion", "embedding"), created=1700000000)
    aliases = {"alias": Alias(target="m"), "secret-alias": Alias(target="m", hidden=True)}
    routes = RoutesPart(routes=(route,) if backends else (), aliases=aliases, **more)
    return sealed(routes, KeysPart(keys=keys))


class Control:
    """The control plane's side of the snapshot: gives what `put` set, waits like the real one when nothing changed.

    `broken` makes what it answers instead.
    """

    def __init__(self, first: Snapshot) -> None:
        self._snapshot = first
        self._changed = asyncio.Condition()
        self.asked: list[str] = []
        self.broken: Callable[[], web.Response] | None = None

    async def put(self, new: Snapshot) -> None:
        async with self._changed:
            self._snapshot = new
            self._changed.notify_all()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        known = request.query["known"]
        self.asked.append(known)
        if self.broken is not None:
            return self.broken()
        wait = float(request.query.get("wait", "30"))
        try:
            async with asyncio.timeout(wait), self._changed:
                await self._changed.wait_for(lambda: self._snapshot.version != known)
                return web.Response(body=snapshot_json.encode(self._snapshot), content_type="application/json")
        except TimeoutError:
            return web.Response(status=304)


@asynccontextmanager
async def serving_control(control: Control, run_dir: Path) -> AsyncIterator[None]:
    runner = web.ServerRunner(web.Server(control.handle, handler_cancellation=True), shutdown_timeout=0.1)
    await runner.setup()
    await web.UnixSite(runner, str(run_dir / "control.sock")).start()
    try:
        yield
    finally:
        await runner.cleanup()


@dataclass
class Running:
    """A gateway on a loopback port."""

    gateway: Gateway
    port: int
    home: Home
    run_dir: Path
    control: Control

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def sdk(self, api_key: str = USER_KEY, **more: Any) -> AsyncOpenAI:
        """The official client, with its strict response validation."""
        return AsyncOpenAI(
            base_url=f"{self.url}/v1", api_key=api_key, max_retries=0, _strict_response_validation=True, **more
        )

    async def post(self, path: str, body: Any, *, api_key: str = USER_KEY, **headers: str) -> tuple[int, Any, Any]:
        """Status, JSON (or text) and headers of a plain request."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self._ask("POST", path, api_key, data, headers)

    async def get(self, path: str, *, api_key: str = USER_KEY, **headers: str) -> tuple[int, Any, Any]:
        return await self._ask("GET", path, api_key, None, headers)

    async def _ask(
        self, method: str, path: str, api_key: str, data: bytes | None, headers: dict[str, str]
    ) -> tuple[int, Any, Any]:
        sent = {"Authorization": f"Bearer {api_key}", "Content-Type": "application/json"} if api_key else {}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        async with ClientSession() as session, session.request(method, self.url + path, data=data, headers=sent) as got:
            text = await got.text()
            is_json = got.content_type == "application/json"
            return got.status, json.loads(text) if is_json else text, got.headers

    async def raw(self, data: bytes) -> bytes:
        """Send these bytes on a fresh connection, and read until the gateway closes it."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(data)
            await writer.drain()
            return await reader.read()
        finally:
            writer.close()


async def no_part(name: str) -> None:
    raise AssertionError(f"nothing should start {name}")


@asynccontextmanager
async def gateway(
    first: Snapshot,
    *,
    start_part: Callable[[str], Awaitable[None]] = no_part,
    folder: Path | None = None,
    control_up: bool = True,
    environ: Mapping[str, str] | None = None,
    draw: Callable[[], float] = lambda: 0.0,
    access_log: AccessLog | None = None,
    instance: str = "gateway",
    siblings: tuple[str, ...] = (),
    **limits: Any,
) -> AsyncIterator[Running]:
    """A whole gateway that has taken its first snapshot, in this process, on a real socket."""
    with tempfile.TemporaryDirectory(prefix="lg-") as own:
        root = folder or Path(own)
        home = Home(root)
        home.admin_key_file.write_text(ADMIN_KEY + "\n")
        world = Surroundings(
            home=home,
            run_dir=root,
            key=MASTER,
            start_part=start_part,
            settings=GatewaySettings(**limits),
            environ=environ or {},
            now=lambda: NOW,
            draw=draw,
            access_log=access_log,
            instance=instance,
            siblings=siblings,
        )
        control = Control(first)
        if not control_up:
            async with _listening(world, control) as running:
                yield running
            return
        async with serving_control(control, root), _listening(world, control) as running:
            await running.gateway.snapshots.wait_until(running.gateway.health.can_serve)
            yield running


@asynccontextmanager
async def _listening(world: Surroundings, control: Control) -> AsyncIterator[Running]:
    async with open_gateway(world) as opened:
        server = await asyncio.get_running_loop().create_server(opened.server, "127.0.0.1", 0)
        try:
            yield Running(opened, server.sockets[0].getsockname()[1], world.home, world.run_dir, control)
        finally:
            server.close()
            opened.server.pre_shutdown()
            await opened.server.shutdown(0.1)


def http_head(*lines: str, method: str = "POST", path: str = CHAT) -> bytes:
    return "".join((f"{method} {path} HTTP/1.1\r\nHost: x\r\n", *(f"{line}\r\n" for line in lines), "\r\n")).encode()


def http_request(body: bytes, *lines: str) -> bytes:
    return http_head(AUTHORIZATION, "Content-Type: application/json", f"Content-Length: {len(body)}", *lines) + body


def http_parsed(answer: bytes) -> tuple[int, dict[str, Any]]:
    """Status and error of the first answer on a connection."""
    top, _, rest = answer.partition(b"\r\n\r\n")
    body, _ = json.JSONDecoder().raw_decode(rest.decode())
    return int(top.split()[1]), body.get("error", body)
