"""Reading request bodies: bounded in size, in time, and over all requests together."""

import asyncio
import time

from aiohttp.web import BaseRequest, RequestPayloadError

from lumina_inference.gateway.calls import Call
from lumina_inference.gateway.errors import BadHttp, BodyTooLarge, Overloaded, SlowRequest, UnsupportedMedia
from lumina_inference.gateway.memory import Trimmer, heap_trim
from lumina_inference.gateway.settings import GatewaySettings

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Bodies:
    """Reads bodies and keeps count of the bytes that all open requests hold."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._limit = settings.max_body_bytes
        self._limit_of_all = settings.max_bodies_bytes
        self._seconds = settings.body_timeout_seconds
        self._held = 0
        self._trimmer = Trimmer(heap_trim())

    async def read(self, call: Call) -> bytes:
        """The whole JSON body. The bytes count as held until `release`."""
        request = call.request
        _check_media(request)
        self._check_declared(request)
        content = request.content
        if content.is_eof() and content.total_bytes <= self._limit:
            body = content.read_nowait()
            self._hold(call, len(body))
            return body
        began = time.perf_counter()
        body = await self._read_slowly(call)
        call.waited_seconds += time.perf_counter() - began
        return body

    def release(self, call: Call) -> None:
        """The request is over: its body no longer counts."""
        self._held -= call.body_bytes
        self._trimmer.released(call.body_bytes)
        call.body_bytes = 0

    def _check_declared(self, request: BaseRequest) -> None:
        declared = request.headers.get("Content-Length", "0")
        if not declared.isdigit() or int(declared[:20]) > self._limit:
            raise self._too_large()

    def _hold(self, call: Call, size: int) -> None:
        call.body_bytes += size
        self._held += size
        if call.body_bytes > self._limit:
            raise self._too_large()
        if self._held > self._limit_of_all:
            raise Overloaded("The gateway holds too many request bodies; try again.", headers={"Retry-After": "1"})

    async def _read_slowly(self, call: Call) -> bytes:
        _continue(call.request)
        parts: list[bytes] = []
        try:
            async with asyncio.timeout(self._seconds):
                while part := await call.request.content.readany():
                    self._hold(call, len(part))
                    parts.append(part)
        except TimeoutError:
            raise SlowRequest(f"The request body did not arrive within {self._seconds:g} s.") from None
        except RequestPayloadError as error:
            raise BadHttp(f"The request body is broken: {error}.") from None
        return b"".join(parts)

    def _too_large(self) -> BodyTooLarge:
        return BodyTooLarge(f"The request body is larger than {self._limit:,} bytes, the most this gateway takes.")


def _check_media(request: BaseRequest) -> None:
    headers = request.headers
    media = headers.get("Content-Type", "application/json").partition(";")[0].strip().lower()
    if media != "application/json" and not media.endswith("+json"):
        raise UnsupportedMedia(f"The content type {media[:100]!r} is not supported; send application/json.")
    coding = headers.get("Content-Encoding", "identity")
    if coding.lower() != "identity":
        raise UnsupportedMedia(f"The content encoding {coding[:100]!r} is not supported; send the body as it is.")


def _continue(request: BaseRequest) -> None:
    transport = request.transport
    if transport is not None and request.headers.get("Expect", "").lower() == "100-continue":
        transport.write(_CONTINUE)
