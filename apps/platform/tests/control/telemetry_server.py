"""A server on `telemetry.sock` that speaks the telemetry process's side of the wire, for control to call."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from lumina_kit.auth import PROJECT_HEADER
from lumina_telemetry.client import SOCKET

MOST_BYTES = 64 * 2**20


@dataclass
class Asked:
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


@dataclass
class TelemetryServer:
    """Answers `{}`, or what is set for a path, or as `follows` does.

    Without `reports`, `asked` leaves out what control tells of itself.
    """

    reports: bool = True
    answers: dict[str, web.Response] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    follows: Callable[[web.StreamResponse], Awaitable[None]] | None = None

    def answer(self, path: str, body: Any, status: int = 200, **headers: str) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.answers[path] = web.Response(
            body=data, status=status, headers={"content-type": "application/json"} | headers
        )

    @property
    def last(self) -> Asked:
        return self.asked[-1]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        if self.reports or request.method == "GET" or PROJECT_HEADER in headers:
            path = request.raw_path.partition("?")[0]
            self.asked.append(Asked(request.method, path, request.query_string, headers, body))
        if self.follows is not None:
            return await self._followed(request, self.follows)
        told = self.answers.get(request.path)
        if told is None:
            return web.json_response({})
        return web.Response(body=told.body, status=told.status, headers=told.headers)

    async def _followed(
        self, request: web.Request, follows: Callable[[web.StreamResponse], Awaitable[None]]
    ) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await answer.prepare(request)
        await follows(answer)
        return answer


@asynccontextmanager
async def telemetry_server(run_dir: Path, *, reports: bool = True) -> AsyncIterator[TelemetryServer]:
    server = TelemetryServer(reports)
    app = web.Application(client_max_size=MOST_BYTES)
    app.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(app, auto_decompress=False)
    await runner.setup()
    await asyncio.to_thread(run_dir.mkdir, parents=True, exist_ok=True, mode=0o700)
    await web.UnixSite(runner, str(run_dir / SOCKET)).start()
    try:
        yield server
    finally:
        await runner.cleanup()
