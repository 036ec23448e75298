"""Relays an answer that comes as server-sent events."""

import asyncio
import time
from dataclasses import dataclass
from typing import NoReturn

from aiohttp import ClientError, ClientResponse
from aiohttp.web import StreamResponse

from lumina_inference.gateway.answers import Usage
from lumina_inference.gateway.calls import CLIENT_CLOSED, Call
from lumina_inference.gateway.dialects import DIALECTS
from lumina_inference.gateway.errors import ApiError, BackendDied, BackendFailed, BackendTimedOut, UsageEventRefused
from lumina_inference.gateway.events import Events
from lumina_inference.gateway.limits import pricing
from lumina_inference.gateway.plain import read_whole
from lumina_inference.gateway.refusals import refusal
from lumina_inference.gateway.replies import event_stream, passed_on
from lumina_inference.gateway.sending import Sending
from lumina_inference.gateway.settings import GatewaySettings
from lumina_inference.gateway.standings import Attempt
from lumina_inference.gateway.upstream import Upstream, explained

_LEAST_EXTENSION = 64
_LINGER_SECONDS = 0.25
_END_SECONDS = 1.0
_UNKNOWN_OPTION = frozenset({400, 422})


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """Seconds: until the first event, between two, for all, and how long events are held back (None: to the end)."""

    first: float
    idle: float
    total: float
    hold: float | None = 0.0


class Stream:
    """One stream on its way from a backend to a caller.

    Nothing is sent before the backend's first event, and longer if the route holds streams back; a failure until then
    is raised, so that another backend can answer. A failure after it is told in the stream, which then ends without
    `[DONE]`: a cut answer never looks like a whole one.
    """

    def __init__(
        self, call: Call, sending: Sending, attempt: Attempt, limits: StreamLimits, settings: GatewaySettings
    ) -> None:
        self._call = call
        self._sending = sending
        self._attempt = attempt
        self._limits = limits
        self._settings = settings
        self._name = sending.target.name
        self._loop = asyncio.get_running_loop()
        self._deadline = attempt.started + limits.total
        self._release_at = None if limits.hold is None else attempt.started + limits.hold
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._headers: tuple[tuple[str, str], ...] = ()
        self._dialect = DIALECTS[sending.operation.form]
        self._limit = asyncio.timeout(min(limits.first, limits.total))
        self._reply: StreamResponse | None = None
        self._writing = False
        self._events = Events(
            sending.target, self._dialect, hides_usage=sending.hides_usage, max_event_bytes=settings.max_event_bytes
        )

    async def relay(self, upstream: Upstream) -> StreamResponse:
        """Relay it all. Raises ApiError leaves if nothing was sent yet; a failure after that is in the attempt."""
        try:
            return await self._limited(upstream)
        except TimeoutError:
            if self._writing and not self._attempt.died:
                raise self._hung_up() from None  # it is the caller who does not read
            return await self._failed(self._silence())
        except ApiError as error:
            return await self._failed(error)
        except asyncio.CancelledError:
            self._note()
            raise

    async def _limited(self, upstream: Upstream) -> StreamResponse:
        async with self._limit:
            self._attempt.limit = self._limit
            try:
                return await self._relay(upstream)
            finally:
                self._attempt.limit = None

    async def _relay(self, upstream: Upstream) -> StreamResponse:
        sending = self._sending
        response = await upstream.post(sending.target, sending.url, sending.headers, sending.body)
        try:
            await self._check(response)
            await self._pass_events(response)
        except (ClientError, OSError) as error:
            if not self._events.finished:
                raise explained(sending.target, error, begun=True) from error
            await self._complete()  # it broke when all had been said
        finally:
            response.release()
        return self._opened()

    async def _check(self, response: ClientResponse) -> None:
        target = self._sending.target
        headers = dict(passed_on(response.headers))
        if not 200 <= response.status < 300:
            body = await read_whole(target, response, self._settings.max_event_bytes)
            self._raise_refusal(response.status, body, headers)
        if not response.content_type.endswith("event-stream"):
            raise BackendFailed(f"{self._name} does not stream: it answered with {response.content_type}.")
        self._headers = tuple(headers.items())

    def _raise_refusal(self, status: int, body: bytes, headers: dict[str, str]) -> NoReturn:
        error = refusal(self._sending.target, status, body, headers)
        if self._sending.hides_usage and status in _UNKNOWN_OPTION and b"stream_options" in body:
            raise UsageEventRefused(status, error.detail, headers)
        raise error

    async def _pass_events(self, response: ClientResponse) -> None:
        events = self._events
        while not events.done and (data := await self._next(response)):
            await self._pass(events.feed(data))
            if events.failure is not None:
                raise events.failure
        if not events.done:
            await self._pass(events.finish())
        self._check_whole()
        await self._complete()
        await self._linger(response)

    async def _next(self, response: ClientResponse) -> bytes:
        """What comes next; nothing if all has been said and the backend just does not end its stream."""
        if not self._events.finished:
            return await response.content.readany()
        try:
            async with asyncio.timeout(_END_SECONDS):
                return await response.content.readany()
        except TimeoutError:
            response.close()
            return b""

    async def _pass(self, block: bytes) -> None:
        if self._events.pieces > self._call.reserved_output:
            self._reserve_more()
        if not block:
            return
        now = self._loop.time()
        self._heard(now)
        if self._reply is None and self._holds(now, len(block)):
            self._held.append(block)
            return
        if self._reply is None:
            await self._open()
        if self._events.done:
            self._held.append(block)  # goes out together with the end of the stream
        else:
            await self._write(block)

    def _reserve_more(self) -> None:
        """The answer outgrows what was reserved for it."""
        call = self._call
        more = max(call.reserved_output, _LEAST_EXTENSION)
        call.reserved_output += more
        if call.reservation is not None:
            call.reservation.extend(pricing.estimate([self._sending.target.backend], 0, more))

    def _heard(self, now: float) -> None:
        attempt = self._attempt
        attempt.heard_at = now
        if attempt.first_seconds is None:
            attempt.spoke_first(now)
        if not attempt.died:
            self._limit.reschedule(min(now + self._limits.idle, self._deadline))

    def _holds(self, now: float, size: int) -> bool:
        self._held_bytes += size
        if self._held_bytes > self._settings.max_response_bytes or self._events.done:
            return False
        return self._release_at is None or now < self._release_at

    async def _open(self) -> None:
        self._attempt.begun = True
        self._call.backend_headers = self._headers
        self._call.waited_seconds += self._loop.time() - self._attempt.started
        self._call.first_chunk_seconds = time.perf_counter() - self._call.started
        self._reply = event_stream(self._call)
        await self._reply.prepare(self._call.request)
        if self._held:
            held, self._held = b"".join(self._held), []
            await self._write(held)

    def _check_whole(self) -> None:
        events = self._events
        if not events.started:
            raise BackendFailed(f"{self._name} sent an empty stream.")
        if not events.done and not events.finished:
            raise BackendFailed(f"{self._name} ended its stream before the answer was complete.")

    async def _complete(self) -> None:
        if self._reply is None:
            await self._open()
        held, self._held = b"".join(self._held), []
        self._note()
        self._attempt.answered = True
        await self._close(held + self._dialect.end)

    async def _linger(self, response: ClientResponse) -> None:
        """Read the few bytes after the end, so that the connection can be used again."""
        if response.content.at_eof():
            return
        self._limit.reschedule(None)
        try:
            async with asyncio.timeout(_LINGER_SECONDS):
                while await response.content.readany():
                    pass
        except (TimeoutError, ClientError, OSError):
            response.close()

    def _silence(self) -> ApiError:
        if self._attempt.died:
            return BackendDied(f"{self._name} fell silent, and does not answer a probe either.")
        return BackendTimedOut(f"{self._name} fell silent, or took too long.")

    async def _failed(self, error: ApiError) -> StreamResponse:
        if self._reply is None:
            raise error
        self._attempt.error = error
        self._call.error_type = error.kind
        self._note()
        held, self._held = b"".join(self._held), []
        await self._close(held + self._dialect.failure(error.detail))
        return self._reply

    async def _write(self, block: bytes) -> None:
        self._writing = True
        try:
            await self._opened().write(block)
        except ConnectionError as error:
            raise self._hung_up() from error
        self._writing = False

    async def _close(self, last: bytes) -> None:
        self._writing = True
        try:
            await self._opened().write_eof(last)
        except ConnectionError as error:
            raise self._hung_up() from error
        self._writing = False
        self._call.delivered = True

    def _opened(self) -> StreamResponse:
        if self._reply is None:
            raise BackendFailed(f"{self._name} sent an empty stream.")
        return self._reply

    def _hung_up(self) -> asyncio.CancelledError:
        """The caller is gone: the request ends as if it had been cancelled, which it is about to be."""
        self._note()
        self._call.status = CLIENT_CLOSED
        transport = self._call.request.transport
        if transport is not None:
            transport.abort()
        return asyncio.CancelledError()

    def _note(self) -> None:
        events, call = self._events, self._call
        call.response_id, call.response_model = events.id, events.model
        call.finish_reasons, call.usage = tuple(events.finish_reasons), events.usage
        plausible = events.usage is not None and events.usage.is_plausible
        if events.started and not (events.tells_usage and plausible):
            told = events.usage.input_tokens if events.usage and plausible else 0
            call.usage = Usage(prompt_tokens=told or call.estimated_input, completion_tokens=events.pieces)
            call.usage_estimated = True
