"""Asked before a body is read: who sends it, and what it is. FastAPI reads a body before it asks anything."""

from typing import Any

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lumina_kit.auth import signed_in
from lumina_kit.errors import LuminaError

API = "/api/"
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
ASKED_BY_FORM = f"{API}telemetry/prometheus/"  # as Prometheus takes its queries
_NAMES = {JSON: "JSON", FORM: "a form"}


class UnsupportedBody(LuminaError):
    code = "unsupported_body"
    status = 415
    title = "The body has another form"


class BodyChecks:
    """Refuses at the first read; the routes in `closed`, by endpoint, need a credential."""

    def __init__(self, app: ASGIApp, closed: frozenset[Any]) -> None:
        self.app = app
        self.closed = closed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_checked = False

        async def receive_checked() -> Message:
            nonlocal is_checked
            if not is_checked:
                await self._check(Request(scope))
                is_checked = True
            return await receive()

        await self.app(scope, receive_checked if scope["type"] == "http" else receive, send)

    async def _check(self, request: Request) -> None:
        if request.scope.get("endpoint") in self.closed:
            await signed_in(request)
        if request.scope["path"].startswith(API) and _has_body(request):
            _check_form(request, FORM if request.scope["path"].startswith(ASKED_BY_FORM) else JSON)


def _has_body(request: Request) -> bool:
    return request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers


def _check_form(request: Request, wanted: str) -> None:
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != wanted:
        raise UnsupportedBody(
            f"The body is {media[:80] or 'of no named type'}, and this route takes {_NAMES[wanted]}.",
            next_step=f"Send {_NAMES[wanted]} with the header 'Content-Type: {wanted}'.",
        )
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if coding != "identity":
        raise UnsupportedBody(
            f"The body is coded as {coding[:80]}, and this route takes it plain.",
            next_step="Send it without the header Content-Encoding.",
        )
