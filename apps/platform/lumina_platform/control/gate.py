"""Holds requests back until the control plane can serve them: a caller waits through a restart, and is not refused."""

import asyncio

from starlette.types import ASGIApp, Receive, Scope, Send

from lumina_kit import problems
from lumina_kit.errors import Unavailable

ALWAYS_OPEN = frozenset({"/healthz", "/health", "/readyz"})
PATIENCE_SECONDS = 30.0


class Starting(Unavailable):
    code = "starting"
    title = "Lumina is starting"


class Gate:
    """Opens once `ready` is set."""

    def __init__(self, app: ASGIApp, ready: asyncio.Event) -> None:
        self.app = app
        self.ready = ready

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in ALWAYS_OPEN and not self.ready.is_set():
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    await self.ready.wait()
            except TimeoutError:
                await problems.response(_STARTING)(scope, receive, send)
                return
        await self.app(scope, receive, send)


_STARTING = Starting("The control plane is still starting.", next_step="Try again in a few seconds.")
