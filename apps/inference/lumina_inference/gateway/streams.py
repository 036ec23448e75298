"""Relays an answer that comes as server-sent events."""

import asyncio
import time
from typing import NoReturn

from aiohttp import ClientError, ClientResponse
from aiohttp.web import StreamResponse

from lumina_inference.gateway.calls import CLIENT_CLOSED, Call
from lumina_inference.gateway.errors import ApiError, BackendFailed, BackendTimedOut, UsageEventRefused
from lumina_inference.gateway.events import DONE, Events
from lumina_inference.gateway.plain import read_whole
from lumina_inference.gateway.refusals import refusal
from lumina_inference.gateway.replies import event_stream, passed_on
from lumina_inference.gateway.sending import Sending
from lumina_inference.gateway.settings import GatewaySettings
from lumina_inference.gateway.upstream import Upstream, explained

_LINGER_SECONDS = 0.25
_UNKNOWN_OPTION = frozenset({400, 422})


class Stream:
    """One stream on its way from a backend to a caller.

    Nothing is sent before the backend's first event, so that a failure until then has a proper status. A failure
    after it is told in the stream, which then ends without `[DONE]`: a cut answer never looks like a whole one.
    """

    def __init__(self, call: Call, sending: Sending, settings: GatewaySettings) -> None:
        self._call = call
        self._sending = sending
        self._settings = settings
        self._name = sending.target.name
        own = sending.target.backend.stream_timeout_seconds
        self._first_seconds = own or settings.first_token_timeout_seconds
        self._idle_seconds = own or settings.stream_idle_timeout_seconds
        total = sending.target.backend.timeout_seconds or settings.total_timeout_seconds
        self._deadline = asyncio.get_running_loop().time() + total
        self._limit = asyncio.timeout(min(self._first_seconds, total))
        self._reply: StreamResponse | None = None
        self._last = b""
        self._events = Events(sending.target, hides_usage=sending.hides_usage, max_event_bytes=settings.max_event_bytes)

    async def relay(self, upstream: Upstream) -> StreamResponse:
        """Relay it all. Raises ApiError leaves if nothing was sent yet."""
        try:
            async with self._limit:
                return await self._relay(upstream)
        except TimeoutError:
            return await self._failed(BackendTimedOut(f"{self._name} fell silent, or took too long."))
        except ApiError as error:
            return await self._failed(error)
        finally:
            self._note()

    async def _relay(self, upstream: Upstream) -> StreamResponse:
        sending = self._sending
        response = await upstream.post(sending.target, sending.url, sending.headers, sending.body)
        try:
            await self._check(response)
            await self._pass_events(response)
        except (ClientError, OSError) as error:
            raise explained(sending.target, error, begun=True) from error
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
        self._call.reply_headers.extend(headers.items())

    def _raise_refusal(self, status: int, body: bytes, headers: dict[str, str]) -> NoReturn:
        error = refusal(self._sending.target, status, body, headers)
        if self._sending.hides_usage and status in _UNKNOWN_OPTION and b"stream_options" in body:
            raise UsageEventRefused(status, error.detail, headers)
        raise error

    async def _pass_events(self, response: ClientResponse) -> None:
        events, content = self._events, response.content
        while not events.done and (data := await content.readany()):
            await self._pass(events.feed(data))
            if events.failure is not None:
                raise events.failure
        if not events.done:
            await self._pass(events.finish())
        await self._end(response)

    async def _pass(self, block: bytes) -> None:
        if not block:
            return
        loop = asyncio.get_running_loop()
        self._limit.reschedule(min(loop.time() + self._idle_seconds, self._deadline))
        if self._reply is None:
            await self._open()
        if self._events.done:
            self._last = block  # goes out together with the end of the stream
        else:
            await self._write(block)

    async def _open(self) -> None:
        self._call.first_chunk_seconds = time.perf_counter() - self._call.started
        self._reply = event_stream(self._call)
        await self._reply.prepare(self._call.request)

    async def _end(self, response: ClientResponse) -> None:
        events = self._events
        if not events.started:
            raise BackendFailed(f"{self._name} sent an empty stream.")
        if not events.done and not events.finished:
            raise BackendFailed(f"{self._name} ended its stream before the answer was complete.")
        await self._close(self._last if events.done else DONE)
        await self._linger(response)

    async def _linger(self, response: ClientResponse) -> None:
        """Read the few bytes after `[DONE]`, so that the connection can be used again."""
        if response.content.at_eof():
            return
        self._limit.reschedule(None)
        try:
            async with asyncio.timeout(_LINGER_SECONDS):
                while await response.content.readany():
                    pass
        except (TimeoutError, ClientError, OSError):
            response.close()

    async def _failed(self, error: ApiError) -> StreamResponse:
        if self._reply is None:
            raise error
        self._call.error_type = error.kind
        await self._close(b"data: " + error.body + b"\n\n")
        return self._reply

    async def _write(self, block: bytes) -> None:
        try:
            await self._opened().write(block)
        except ConnectionError as error:
            raise self._hung_up() from error

    async def _close(self, last: bytes) -> None:
        try:
            await self._opened().write_eof(last)
        except ConnectionError as error:
            raise self._hung_up() from error
        self._call.delivered = True

    def _opened(self) -> StreamResponse:
        if self._reply is None:
            raise BackendFailed(f"{self._name} sent an empty stream.")
        return self._reply

    def _hung_up(self) -> asyncio.CancelledError:
        """The caller is gone: the request ends as if it had been cancelled, which it is about to be."""
        self._call.status = CLIENT_CLOSED
        return asyncio.CancelledError()

    def _note(self) -> None:
        events, call = self._events, self._call
        call.response_id, call.response_model = events.id, events.model
        call.finish_reasons, call.usage = tuple(events.finish_reasons), events.usage
