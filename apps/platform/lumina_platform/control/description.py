"""The API's description: FastAPI's own, and how to sign in."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import iter_route_contexts

from lumina_kit.auth import COOKIE
from lumina_platform.control.strangers import is_closed

SCHEMES = {
    "key": {"type": "http", "scheme": "bearer", "description": "An API key; the first is in $LUMINA_HOME/admin.key."},
    "session": {"type": "apiKey", "in": "cookie", "name": COOKIE, "description": "The cookie that signing in sets."},
}
PROJECT = {
    "name": "X-Lumina-Project",
    "in": "header",
    "required": False,
    "description": "Slug or id of the project to act in; default the caller's own.",
    "schema": {"type": "string"},
}


def described(app: FastAPI) -> dict[str, Any]:
    """OpenAPI 3.1; an operation without `security` of its own needs a key or a session."""
    if app.openapi_schema is None:
        app.openapi_schema = _complete(app)
    return app.openapi_schema


def _complete(app: FastAPI) -> dict[str, Any]:
    schema = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    schema["components"]["securitySchemes"] = SCHEMES
    schema["security"] = [{name: []} for name in SCHEMES]
    for route in iter_route_contexts(app.routes):
        for method in route.methods or ():
            operation = schema["paths"].get(route.path, {}).get(method.lower())
            if operation is not None:
                _complete_operation(operation, closed=is_closed(route.dependant))
    return schema


def _complete_operation(operation: dict[str, Any], *, closed: bool) -> None:
    if closed:
        operation.setdefault("parameters", []).append(PROJECT)
    else:
        operation["security"] = []
