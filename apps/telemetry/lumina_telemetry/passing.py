"""A caller's question passed on to the telemetry process, and its answer passed back, byte by byte."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated
from urllib.parse import quote

import httpx
from fastapi import Depends, Request
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from lumina_kit.auth import PROJECT_HEADER, Principal, require, still
from lumina_kit.roles import Permission
from lumina_telemetry.client import Bounds, TelemetryClient, away
from lumina_telemetry.errors import BadQuery

EVENTS = "text/event-stream"
MOST_QUERY_BYTES = 60_000  # what the process reads as the first line of a request, and some room
_QUERY = "%&=+;,/?:@!$'()*~[]{}|^`\"<>\\-._"  # stays as it is; anything else, as a space or `#`, is escaped
_PASSED = (
    "content-type", "content-length", "content-disposition", "retry-after", "cache-control", "x-lumina-telemetry",
)  # fmt: skip


class LongQuery(BadQuery):
    code = "long_query"
    title = "The query is too long"


Reader = Annotated[Principal, require(Permission.TELEMETRY_READ)]
MetricsReader = Annotated[Principal, require(Permission.METRICS_READ)]


class Recurring:
    """A question with the answer yes, asked again every so many seconds."""

    def __init__(self, ask: Callable[[], Awaitable[bool]], seconds: float) -> None:
        self._ask = ask
        self._seconds = seconds
        self._asked = time.monotonic()

    async def __call__(self) -> bool:
        if time.monotonic() - self._asked < self._seconds:
            return True
        holds = await self._ask()
        self._asked = time.monotonic()
        return holds


class Passed(StreamingResponse):
    """An answer of the telemetry process, errors too: problems have the same form there as here.

    It ends early where `allowed` says no.
    """

    def __init__(self, reply: httpx.Response, allowed: Recurring | None = None) -> None:
        headers = {name: reply.headers[name] for name in _PASSED if name in reply.headers}
        pieces = _pieces(reply) if allowed is None else _while_allowed(_pieces(reply), allowed)
        super().__init__(pieces, reply.status_code, headers)
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
        self.request = request
        self.bounds = bounds_of(request, who)
        self.query: bytes = request.scope["query_string"]

    async def get(self, path: str, *parts: str) -> Passed:
        """The answer to the same query at this path of the telemetry process; `parts` fill its `{}`.

        Raises TelemetryUnavailable, LongQuery.
        """
        return Passed(await self._opened(path, parts))

    async def follow(self, path: str) -> Passed:
        """Events, as long as the caller stays, and may see the same. Raises TelemetryUnavailable, LongQuery."""
        allowed = Recurring(self._sees_the_same, self.client.check_seconds)
        return Passed(await self._opened(path, endless=True), allowed)

    async def _opened(self, path: str, parts: tuple[str, ...] = (), *, endless: bool = False) -> httpx.Response:
        query = quote(self.query, safe=_QUERY)
        if len(query) > MOST_QUERY_BYTES:
            raise LongQuery(
                f"The query has {len(query):,} bytes; at most {MOST_QUERY_BYTES:,} are taken.",
                next_step="Ask with fewer or shorter parameters.",
            )
        filled = path.format(*map(_segment, parts))
        return await self.client.open(filled, query, self.bounds, endless=endless)

    async def _sees_the_same(self) -> bool:
        who = await still(self.request, Permission.TELEMETRY_READ)
        return who is not None and bounds_of(self.request, who) == self.bounds


def bounds_of(request: Request, who: Principal) -> Bounds | None:
    """All, for who may name any project and names none; else a project's.

    Who may read metrics sees Lumina's own in them all the same, and so its logs, alerts and objectives.
    """
    if who.everywhere:
        return Bounds(str(who.project_id)) if PROJECT_HEADER in request.headers else None
    return Bounds(str(who.project_id), own=Permission.METRICS_READ in who.permissions)


def ask(request: Request, who: Reader) -> Ask:
    """A dependency: whoever uses it needs `telemetry.read`."""
    return Ask(request.app.state.telemetry.client, request, who)


def ask_of_metrics(request: Request, who: MetricsReader) -> Ask:
    """The same for who may read metrics, as a key of that scope."""
    return Ask(request.app.state.telemetry.client, request, who)


AskDep = Annotated[Ask, Depends(ask)]
MetricsAskDep = Annotated[Ask, Depends(ask_of_metrics)]


def _segment(part: str) -> str:
    """One step of a path, whatever is in it: also dots, which would lead to another."""
    return quote(part, safe="") if part.strip(".") else part.replace(".", "%2E")


async def _while_allowed(pieces: AsyncIterator[bytes], allowed: Recurring) -> AsyncIterator[bytes]:
    """Heartbeats among the pieces see to it that this is not long after the caller may no longer."""
    async for piece in pieces:
        if not await allowed():
            return
        yield piece


async def _pieces(reply: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for piece in reply.aiter_raw():
            yield piece
    except httpx.TransportError:
        if reply.headers.get("content-type", "").startswith(EVENTS):
            return  # the end of a stream of events is nothing special: whoever listens connects again
        raise
