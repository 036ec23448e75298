"""A caller's question passed on to the telemetry process, and its answer passed back, byte by byte."""

from collections.abc import AsyncIterator
from typing import Annotated
from urllib.parse import quote

import httpx
from fastapi import Depends, Request
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from lumina_kit.auth import PROJECT_HEADER, Principal, require
from lumina_kit.roles import Permission
from lumina_telemetry.client import TelemetryClient, away
from lumina_telemetry.errors import BadQuery

EVENTS = "text/event-stream"
MOST_QUERY_BYTES = 60_000  # what the process reads as the first line of a request, and some room
_PASSED = ("content-type", "content-length", "content-disposition", "retry-after", "cache-control")


class LongQuery(BadQuery):
    code = "long_query"
    title = "The query is too long"


Reader = Annotated[Principal, require(Permission.TELEMETRY_READ)]


class Passed(StreamingResponse):
    """An answer of the telemetry process, errors too: problems have the same form there as here."""

    def __init__(self, reply: httpx.Response) -> None:
        headers = {name: reply.headers[name] for name in _PASSED if name in reply.headers}
        super().__init__(_pieces(reply), reply.status_code, headers)
        self._reply = reply

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._reply.aclose()

    async def whole(self) -> bytes:
        """The body, where it is read here and not passed on. Raises TelemetryUnavailable."""
        try:
            return await self._reply.aread()
        except httpx.TransportError:
            raise away("broke off its answer") from None
        finally:
            await self._reply.aclose()


class Ask:
    """Asks for one caller, within what they may see."""

    def __init__(self, client: TelemetryClient, request: Request, who: Principal) -> None:
        self.client = client
        self.project = visible_project(request, who)
        self.query: bytes = request.scope["query_string"]

    async def get(self, path: str, *parts: str, endless: bool = False) -> Passed:
        """The answer to the same query at this path of the telemetry process; `parts` fill its `{}`.

        Raises TelemetryUnavailable, LongQuery.
        """
        if len(self.query) > MOST_QUERY_BYTES:
            raise LongQuery(
                f"The query has {len(self.query):,} bytes; at most {MOST_QUERY_BYTES:,} are taken.",
                next_step="Ask with fewer or shorter parameters.",
            )
        filled = path.format(*(quote(part, safe="") for part in parts))
        return Passed(await self.client.open(filled, self.query, self.project, endless=endless))


def visible_project(request: Request, who: Principal) -> str | None:
    """The only project whose data a caller sees. None is all of Lumina: for who may name any project and names none."""
    if who.everywhere and PROJECT_HEADER not in request.headers:
        return None
    return str(who.project_id)


def ask(request: Request, who: Reader) -> Ask:
    """A dependency: whoever uses it needs `telemetry.read`."""
    return Ask(request.app.state.telemetry.client, request, who)


AskDep = Annotated[Ask, Depends(ask)]


async def _pieces(reply: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for piece in reply.aiter_raw():
            yield piece
    except httpx.TransportError:
        if reply.headers.get("content-type", "").startswith(EVENTS):
            return  # the end of a stream of events is nothing special: whoever listens connects again
        raise
