"""What a stranger is told of a malformed body: to sign in. FastAPI reads a body before it asks who sends it."""

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException

from lumina_kit import problems
from lumina_kit.auth import signed_in
from lumina_kit.errors import LuminaError


def install(app: FastAPI) -> None:
    """Have the app's closed routes, all there by now, ask for a credential before they complain of what was sent."""
    closed = closed_endpoints(app)
    for complaint in (RequestValidationError, HTTPException):
        app.add_exception_handler(complaint, _after_sign_in(app.exception_handlers[complaint], closed))


def closed_endpoints(app: FastAPI) -> frozenset[Any]:
    """The functions of the routes that ask for a permission."""
    return frozenset(route.endpoint for route in iter_route_contexts(app.routes) if is_closed(route.dependant))


def is_closed(dependant: Any) -> bool:
    """Whether the route asks for a permission."""
    if hasattr(dependant.call, "permission"):
        return True
    return any(is_closed(below) for below in dependant.dependencies)


def _after_sign_in(answer: Callable[..., Any], closed: frozenset[Any]) -> Callable[..., Any]:
    async def checked(request: Request, error: Exception) -> Response:
        try:
            if request.scope.get("endpoint") in closed:
                await signed_in(request)
        except LuminaError as refused:
            return problems.response(refused)
        answered: Response = await answer(request, error)
        return answered

    return checked
