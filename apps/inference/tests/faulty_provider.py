"""A provider that misbehaves on purpose, on a real socket: each request as its script says, and every kind of death."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from apps.inference.tests.gateway_world import (
    CHAT,
    KEYS,
    USAGE,
    Running,
    backend,
    chat_body,
    chunk,
    gateway,
)
from lumina_contracts.snapshot import Alias, Backend, KeysPart, Policy, Route, RoutesPart, Snapshot, sealed
from lumina_inference.gateway.standings import Standing

DONE = b"data: [DONE]\n\n"
KINDS = ("chat", "completion", "embedding")

Act = Callable[["FaultyProvider", web.BaseRequest, dict[str, Any]], Awaitable[web.StreamResponse]]
"""What it does with one request."""


@dataclass
class FaultyProvider:
    """An OpenAI-compatible server. `script` has an act for each request; the last one serves all that follow.

    `mute`: it accepts connections and says nothing, to probes neither. `probe_status` is its answer to a probe.
    `changed` is set whenever something comes in.
    """

    name: str
    script: list[Act]
    port: int = 0
    mute: bool = False
    probe_status: int = 200
    at: list[float] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    probes: list[tuple[str, str]] = field(default_factory=list)
    given_up: int = 0
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _server: asyncio.Server | None = None
    _handler: web.Server | None = None
    _resets: asyncio.Server | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def hits(self) -> int:
        return len(self.at)

    def backend(self, **more: Any) -> Backend:
        return backend(self.url, id=self.name, **more)

    async def until(self, what: Callable[["FaultyProvider"], bool]) -> None:
        """Wait until that is so; it is looked at whenever something comes in."""
        async with asyncio.timeout(20), self.changed:
            await self.changed.wait_for(lambda: what(self))

    async def start(self) -> None:
        self._handler = web.Server(self._handle, handler_cancellation=True)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._handler, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def die(self) -> None:
        """As a killed process does: open connections are reset, new ones refused."""
        if self._server is None or self._handler is None:
            return
        self._server.close()
        for protocol in tuple(self._handler.connections):
            if protocol.transport is not None:
                protocol.transport.abort()
        await self._handler.shutdown(0.1)
        self._server = self._handler = None

    async def reset_all(self) -> None:
        """Its port still takes connections, and resets each of them."""
        await self.die()

        async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.transport.abort()

        self._resets = await asyncio.start_server(reset, "127.0.0.1", self.port)

    async def revive(self) -> None:
        """All is well again, on the same port."""
        self.mute, self.probe_status = False, 200
        if self._resets is not None:
            self._resets.close()
            self._resets = None
        if self._server is None:
            await self.start()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        raw = await request.read()
        if request.method == "GET":
            self.probes.append((request.method, request.path))
            await self._tell()
            if self.mute:
                await asyncio.Event().wait()
            return web.json_response({"object": "list", "data": []}, status=self.probe_status)
        self.at.append(asyncio.get_running_loop().time())
        self.bodies.append(json.loads(raw))
        await self._tell()
        act = self.script[0] if len(self.script) == 1 else self.script.pop(0)
        try:
            return await (silent() if self.mute else act)(self, request, self.bodies[-1])
        except asyncio.CancelledError:
            self.given_up += 1
            await self._tell()
            raise

    async def _tell(self) -> None:
        async with self.changed:
            self.changed.notify_all()


def good(text: str | None = None, **more: Any) -> Act:
    """Answers, plain or as a stream; without `text`, with its own name."""

    async def act(self: FaultyProvider, request: web.BaseRequest, body: dict[str, Any]) -> web.StreamResponse:
        words = self.name if text is None else text
        if body.get("stream"):
            return await streams(words)(self, request, body)
        return web.json_response(chat_body(words, model=f"model-of-{self.name}", **more))

    return act


def refuses(status: int, code: str | None = None, message: str = "on purpose", **headers: str) -> Act:
    """Answers with an error of OpenAI's shape."""

    async def act(self: FaultyProvider, request: web.BaseRequest, body: dict[str, Any]) -> web.StreamResponse:
        error = {"message": message, "type": "error", "param": None, "code": code}
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.json_response({"error": error}, status=status, headers=sent)

    return act


def resets() -> Act:
    """Breaks the connection before the headers."""

    async def act(self: FaultyProvider, request: web.BaseRequest, body: dict[str, Any]) -> web.StreamResponse:
        _break(request)
        return web.Response()

    return act


def silent() -> Act:
    """Never answers, and waits until the caller gives up."""

    async def act(self: FaultyProvider, request: web.BaseRequest, body: dict[str, Any]) -> web.StreamResponse:
        await asyncio.Event().wait()
        return web.Response()

    return act


def late(go: asyncio.Event, act: Act) -> Act:
    """Does nothing until told to."""

    async def acts(self: FaultyProvider, request: web.BaseRequest, body: dict[str, Any]) -> web.StreamResponse:
        await go.wait()
        return await act(self, request, body)

    return acts


def streams(
    *words: str,
    end: tuple[bytes, ...] | None = None,
    then: Callable[[web.BaseRequest], Awaitable[None]] | None = None,
    usage: dict[str, int] | None = None,
    tick: float = 0.0,
) -> Act:
    """Streams words, then does `then`, then sends `end` (a whole end if not given)."""

    async def act(self: FaultyProvider, request: web.BaseRequest, body: dict[str, Any]) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for word in words:
            await response.write(_named(self, chunk({"role": "assistant", "content": word})))
            await asyncio.sleep(tick)
        if then is not None:
            await then(request)
        for block in (chunk({}, finish="stop"), chunk(None, usage=usage or USAGE), DONE) if end is None else end:
            await response.write(_named(self, block))
        return response

    return act


async def until(what: Callable[[], bool]) -> None:
    """Wait for a state that nobody announces."""
    async with asyncio.timeout(20):
        while not what():  # noqa: ASYNC110 - nobody announces it
            await asyncio.sleep(0.01)


async def cut(request: web.BaseRequest) -> None:
    """The connection breaks, once what was written has left."""
    await asyncio.sleep(0.02)
    _break(request)


async def stall(request: web.BaseRequest) -> None:
    """Nothing comes any more."""
    await asyncio.Event().wait()


def pausing(go: asyncio.Event) -> Callable[[web.BaseRequest], Awaitable[None]]:
    async def wait(request: web.BaseRequest) -> None:
        await go.wait()

    return wait


@asynccontextmanager
async def faulty(*script: Act, name: str = "primary", **more: Any) -> AsyncIterator[FaultyProvider]:
    """A provider with this script; without one it is good."""
    provider = FaultyProvider(name, list(script) or [good()], **more)
    await provider.start()
    try:
        yield provider
    finally:
        await provider.revive()
        await provider.die()


@contextmanager
def black_hole() -> Iterator[str]:
    """The address of a listener whose queue is full: packets to it get no answer."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        finally:
            for filler in fillers:
                filler.close()


def routes(*given: Route, aliases: dict[str, Alias] | None = None) -> Snapshot:
    return sealed(RoutesPart(routes=given, aliases=aliases or {}), KeysPart(keys=KEYS))


def route(*backends: Backend, name: str = "m", **policy: Any) -> Route:
    """A route with this policy; short pauses unless it says otherwise."""
    return Route(name=name, backends=backends, kinds=KINDS, policy=Policy(**({"cooldown_seconds": 0.3} | policy)))


BODY: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
FAST = {
    "connect_timeout_seconds": 0.4,
    "silence_seconds": 0.2,
    "probe_interval_seconds": 0.1,
    "probe_timeout_seconds": 0.3,
}


def gateway_of(
    *given: Route, aliases: dict[str, Alias] | None = None, **limits: Any
) -> AbstractAsyncContextManager[Running]:
    """A gateway with these routes, scaled-down limits, and the shortest pauses that jitter gives."""
    return gateway(routes(*given, aliases=aliases), **(FAST | {"draw": lambda: 0.99} | limits))


async def asked(running: Running, *, headers: dict[str, str] | None = None, **body: Any) -> Any:
    """Status, JSON or text, and headers of one chat request."""
    return await running.post(CHAT, BODY | body, **(headers or {}))


def said(answer: Any) -> str:
    """The words of a chat completion."""
    return str(answer["choices"][0]["message"]["content"])


def events(text: str) -> list[Any]:
    return [json.loads(event.removeprefix("data: ")) for event in text.split("\n\n") if event.startswith("data: {")]


def told(text: str) -> str:
    """All words of a stream."""
    return "".join(
        choice["delta"].get("content") or "" for event in events(text) for choice in event.get("choices", ())
    )


async def served_again_by(running: Running, name: str) -> None:
    """Ask until this backend answers."""
    async with asyncio.timeout(20):
        while (await asked(running))[2]["x-lumina-backend"] != name:  # noqa: ASYNC110 - nobody announces it
            await asyncio.sleep(0.05)


async def at_rest(running: Running) -> None:
    """Nothing is under way, neither in the gateway nor at a backend."""
    await until(lambda: running.gateway.inference.in_flight == 0)
    await until(lambda: all(not standing.under_way for standing in running.gateway.standings.watched()))


def standing(running: Running, name: str = "primary") -> Standing:
    return next(found for found in running.gateway.standings if found.target.backend.id == name)


def _break(request: web.BaseRequest) -> None:
    if request.transport is not None:
        request.transport.abort()


def _named(provider: FaultyProvider, block: bytes) -> bytes:
    return block.replace(b"served-model-1", f"model-of-{provider.name}".encode())
