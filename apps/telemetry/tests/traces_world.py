"""The answers about traces, asked over HTTP."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from msgspec.structs import replace

from apps.telemetry.tests.store_world import NOON, SECOND, World
from lumina_telemetry.answering import answers
from lumina_telemetry.traces.routes import routes

Asking = Callable[..., Awaitable[dict[str, Any]]]


@asynccontextmanager
async def asking(world: World, **settings: Any) -> AsyncIterator[Asking]:
    """A function that asks a path, and gives the JSON of the answer; the hour asked for begins at NOON."""
    app = web.Application(middlewares=[answers.problems])
    app.add_routes(routes(world.store, replace(world.settings, **settings)))
    async with TestClient(TestServer(app)) as client:

        async def ask(path: str, *, project_header: str | None = None, **asked: Any) -> dict[str, Any]:
            hour = (
                {"start": str(NOON // SECOND), "end": str(NOON // SECOND + 3600)} if path.startswith("/traces") else {}
            )
            headers = {answers.PROJECT_HEADER: project_header} if project_header else {}
            answer = await client.get(path, params={**hour, **asked}, headers=headers)
            told: dict[str, Any] = await answer.json(content_type=None)
            return told

        yield ask
