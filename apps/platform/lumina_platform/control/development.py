"""`make serve PROJECT=x`: the control plane with one app's routes, reloaded at each change, without a supervisor.

Run as `uvicorn --factory --reload lumina_platform.control.development:create`; `LUMINA_PROJECT` names the app.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from lumina_kit import logs
from lumina_platform import apps
from lumina_platform.control.app import create_app
from lumina_platform.control.building import build
from lumina_platform.control.environment import Environment
from lumina_platform.control.running import running


def create() -> FastAPI:
    """The application, whose lifespan does what the process would do."""
    environment = Environment.read()
    logs.configure("control", environment.log_level, environment.log_format)
    wanted = os.environ.get("LUMINA_PROJECT")
    world = build(environment, [wanted] if wanted else apps.APPS)
    app = create_app(world)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with running(world):
            yield

    app.router.lifespan_context = lifespan
    return app
