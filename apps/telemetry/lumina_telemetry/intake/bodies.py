"""Bodies of export requests: read whole, but never more at once than there is room for."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import ClientError, web
from aiohttp.http_exceptions import HttpProcessingError

from lumina_telemetry.errors import BadEncoding, BadMedia, BadOtlp, IntakeFull, OtlpTooLarge

PROTOBUF = "application/x-protobuf"
JSON = "application/json"
_ENCODINGS = frozenset({"", "identity", "gzip", "deflate"})
_AT_ONCE = 3
"""So many of the largest bodies may be held at the same time."""
_JSON_SHARE = 4
"""JSON needs more memory while it is read: its largest body is so many times smaller."""
_SECONDS = 30.0
_RETRY_SECONDS = 1.0


def media(request: web.Request) -> str:
    """The encoding of an export request, which is also the one of its answer. Raises BadMedia, BadEncoding."""
    if request.content_type not in (PROTOBUF, JSON):
        raise BadMedia(f"{request.content_type[:100]} is no encoding of OTLP.", next_step=f"Send {PROTOBUF} or {JSON}.")
    encoding = request.headers.get("content-encoding", "").strip().lower()
    if encoding not in _ENCODINGS:
        raise BadEncoding(f"The body is compressed by {encoding[:50]}.", next_step="Send gzip, deflate or neither.")
    return request.content_type


def end_broken(request: web.Request, answer: web.Response) -> None:
    """Read no more of a body that could not be unpacked: aiohttp would, and log the failure whole each time."""
    if request.content.exception() is not None:
        request.content.feed_eof()
        answer.force_close()


class Bodies:
    """Reads bodies; aiohttp unpacks them piece by piece, so that no bomb goes off."""

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._held = 0

    @asynccontextmanager
    async def read(self, request: web.Request, encoding: str) -> AsyncIterator[bytes]:
        """The body, held as long as the context lasts. Raises OtlpTooLarge, IntakeFull, BadOtlp."""
        most = self._most // _JSON_SHARE if encoding == JSON else self._most
        body = bytearray()
        try:
            await self._fill(body, request, most)
            yield bytes(body)
        finally:
            self._held -= len(body)

    async def _fill(self, body: bytearray, request: web.Request, most: int) -> None:
        try:
            async with asyncio.timeout(_SECONDS):
                async for chunk in request.content.iter_any():
                    body += chunk
                    self._held += len(chunk)
                    self._check(len(body), most)
        except TimeoutError:
            raise BadOtlp(f"The body did not come within {_SECONDS:g} s.") from None
        except (ClientError, HttpProcessingError, web.RequestPayloadError):
            coding = request.headers.get("content-encoding", "")[:50]
            raise BadOtlp(
                f"The body cannot be unpacked{f' as {coding}' if coding else ''}.",
                next_step="Check its content-encoding.",
            ) from None

    def _check(self, length: int, most: int) -> None:
        if length > most:
            raise OtlpTooLarge(
                f"The body has more than {most} bytes.",
                next_step="Export smaller batches, or raise telemetry.body_bytes.",
            )
        if self._held > self._most * _AT_ONCE:
            raise IntakeFull("Too many export requests are being read.", retry_after=_RETRY_SECONDS)
