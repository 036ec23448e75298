"""Refuses a head that can be read in two ways: whoever stands before Lumina might read it in the other."""

from starlette.types import ASGIApp, Receive, Scope, Send

from lumina_kit import problems
from lumina_kit.errors import LuminaError


class MalformedHead(LuminaError):
    code = "malformed_head"
    status = 400
    title = "The request's head is malformed"


class WellFormed:
    """Wants one Host, which HTTP/1.0 may leave out, as simple health checks do; and one Content-Type at most."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        error = _error(scope) if scope["type"] == "http" else None
        if error is None:
            await self.app(scope, receive, send)
        else:
            await problems.response(error)(scope, receive, send)


def _error(scope: Scope) -> MalformedHead | None:
    names = [name for name, _ in scope["headers"]]
    hosts, types = names.count(b"host"), names.count(b"content-type")
    if hosts > 1 or (hosts == 0 and scope["http_version"] != "1.0"):
        return MalformedHead(f"The request has {hosts} Host headers.", next_step="Send exactly one.")
    if types > 1:
        return MalformedHead(f"The request has {types} Content-Type headers.", next_step="Send one at most.")
    return None
