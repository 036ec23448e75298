"""Bounds on what comes from outside, as ASGI middleware: bytes of a body, and seconds to send it and to answer."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lumina_kit.errors import LuminaError, TooLarge, Unavailable
from lumina_kit.problems import response


class BodyTooLarge(TooLarge):
    code = "body_too_large"
    title = "The body is too large"


class SlowBody(LuminaError):
    code = "slow_body"
    status = 408
    title = "The body came too slowly"


class SlowAnswer(Unavailable):
    code = "slow_answer"
    title = "The answer took too long"


@dataclass(frozen=True)
class Limits:
    """`body_bytes` of a body, `body_seconds` to receive it, `answer_seconds` until the answer begins."""

    body_bytes: int = 4 * 1024 * 1024
    body_seconds: float = 30
    answer_seconds: float = 120
    of_paths: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))

    def bytes_at(self, path: str) -> int:
        """What a body may have at this path: `of_paths` names those with a limit of their own."""
        return self.of_paths.get(path, self.body_bytes)


class LimitMiddleware:
    """Answers 413, 408 or 503 with a problem instead of going beyond a limit."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self.app = app
        self.limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        most_bytes = self.limits.bytes_at(scope["path"])
        guard = _Guard(self.limits, most_bytes, receive, send)
        try:
            _check_declared(scope, most_bytes)
            await self._bounded(scope, guard)
        except (BodyTooLarge, SlowBody, SlowAnswer) as error:
            if not guard.started:
                await response(error)(scope, receive, send)

    async def _bounded(self, scope: Scope, guard: "_Guard") -> None:
        call = asyncio.ensure_future(self.app(scope, guard.receive, guard.send))
        begun = asyncio.ensure_future(guard.begun.wait())
        try:
            await asyncio.wait({call, begun}, timeout=self.limits.answer_seconds, return_when=asyncio.FIRST_COMPLETED)
            if not call.done() and not guard.started:
                raise SlowAnswer(f"No answer within {self.limits.answer_seconds:g} s.", next_step="Try again later.")
            await call
        finally:
            begun.cancel()
            call.cancel()


def _check_declared(scope: Scope, most_bytes: int) -> None:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit() and int(value) > most_bytes:
            raise _too_large(most_bytes)


class _Guard:
    """The receive and send of one request, counted and timed."""

    def __init__(self, limits: Limits, most_bytes: int, receive: Receive, send: Send) -> None:
        self._limits = limits
        self._most_bytes = most_bytes
        self._receive = receive
        self._send = send
        self._bytes = 0
        self._complete = False
        self._deadline = asyncio.get_running_loop().time() + limits.body_seconds
        self.started = False
        self.begun = asyncio.Event()

    async def receive(self) -> Message:
        if self._complete:
            return await self._receive()
        message = await self._in_time()
        self._bytes += len(message.get("body", b""))
        if self._bytes > self._most_bytes:
            raise _too_large(self._most_bytes)
        self._complete = not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        self.started = True
        self.begun.set()
        await self._send(message)

    async def _in_time(self) -> Message:
        try:
            async with asyncio.timeout_at(self._deadline):
                return await self._receive()
        except TimeoutError:
            raise SlowBody(
                f"The body was not complete within {self._limits.body_seconds:g} s.",
                next_step="Send it faster, or less in one request.",
            ) from None


def _too_large(most_bytes: int) -> BodyTooLarge:
    return BodyTooLarge(f"A body may have {most_bytes:,} bytes at most.", next_step="Send less in one request.")
