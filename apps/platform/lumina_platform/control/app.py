"""The composition root: every app's routes in one application, closed by default."""

from typing import Any

from fastapi import Depends, FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.routing import APIRoute, iter_route_contexts

from lumina_kit import problems
from lumina_kit.auth import PROJECT_HEADER, signed_in
from lumina_kit.errors import LuminaError, Refused, Unauthenticated
from lumina_kit.limits import LimitMiddleware, Limits
from lumina_platform.control import health, otlp, status, strangers
from lumina_platform.control.access import Access
from lumina_platform.control.bodies import BodyChecks
from lumina_platform.control.gate import Gate
from lumina_platform.control.headers import SecurityHeaders
from lumina_platform.control.wellformed import WellFormed
from lumina_platform.control.world import World
from lumina_platform.pages import assets, docs, sign_in

DESCRIPTION = (
    "Programs send `Authorization: Bearer <key>`; the first key is in `$LUMINA_HOME/admin.key`. "
    "Browsers [sign in and out](/sign-in)."
)


def create_app(world: World) -> FastAPI:
    """The control plane's application, around what it consists of."""
    app = FastAPI(
        title="Lumina",
        version="0.1.0",
        description=DESCRIPTION,
        openapi_url=None,  # served by our own routes, to who is signed in
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=operation_id,
    )
    app.state.world, app.state.governance, app.state.inference = world, world.governance, world.inference
    app.state.telemetry = world.telemetry
    app.state.contents = world.contents
    app.state.authenticator = world.governance.credentials
    problems.install(app)
    app.add_exception_handler(LuminaError, sign_in.answer)
    _include_routes(app, world)
    strangers.install(app)
    _add_middleware(app, world)
    return app


def operation_id(route: APIRoute) -> str:
    """The name of a route's function, with its app: `governance_create_key`."""
    app = route.endpoint.__module__.split(".")[0].removeprefix("lumina_")
    return f"{app}_{route.name}"


def _include_routes(app: FastAPI, world: World) -> None:
    closed: dict[str, Any] = {
        "dependencies": [Depends(signed_in)],
        "responses": problems.problems(Unauthenticated, Refused),
    }
    for open_routes in (health.router, assets.router, docs.router, sign_in.router):
        app.include_router(open_routes)
    app.include_router(status.router, prefix="/api/platform", **closed)
    app.include_router(otlp.router, prefix=otlp.PREFIX, **closed)
    for part in world.apps:
        app.include_router(part.router, prefix=f"/api/{part.name}", **closed)
        if part.open_router is not None:
            app.include_router(part.open_router, prefix=f"/api/{part.name}")


def _add_middleware(app: FastAPI, world: World) -> None:
    """Innermost first: what is added last sees a request first."""
    settings = world.settings
    of_otlp = dict.fromkeys(otlp.PATHS, otlp.BODY_BYTES)
    limits = Limits(settings.body_bytes, settings.body_seconds, settings.answer_seconds, of_otlp)
    app.add_middleware(BodyChecks, closed=strangers.closed_endpoints(app))
    app.add_middleware(Gate, ready=world.readiness.ready)
    app.add_middleware(WellFormed)
    app.add_middleware(LimitMiddleware, limits=limits)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["authorization", "content-type", PROJECT_HEADER],
        )
    app.add_middleware(Access, metrics=world.metrics, templates=_templates(app))
    app.add_middleware(SecurityHeaders)


def _templates(app: FastAPI) -> dict[Any, str]:
    """The path of each endpoint, as it is declared."""
    return {route.endpoint: str(route.path) for route in iter_route_contexts(app.routes)}
