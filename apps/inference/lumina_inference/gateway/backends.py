"""One attempt: one request sent to one backend, with what its kind of backend needs."""

import asyncio
from dataclasses import dataclass, field

from aiohttp.web import StreamResponse

from lumina_contracts.snapshot import Policy
from lumina_inference.gateway import plain, sending
from lumina_inference.gateway.answers import Usage
from lumina_inference.gateway.asks import Ask
from lumina_inference.gateway.calls import Call
from lumina_inference.gateway.errors import (
    ApiError,
    BackendAnsweredError,
    BackendTimedOut,
    BadRequest,
    ConnectTimedOut,
    PartUnavailable,
    UsageEventRefused,
)
from lumina_inference.gateway.index import Target
from lumina_inference.gateway.settings import GatewaySettings
from lumina_inference.gateway.standings import Attempt, Standings
from lumina_inference.gateway.streams import Stream, StreamLimits
from lumina_inference.gateway.upstream import Asleep, Upstream

_UNKNOWN_PATH = frozenset({404, 405, 501})


@dataclass
class Backends:
    """Asks backends. Remembers which of them lack an option or a path, until the process ends.

    Only what was answered without it proves that: else one caller's mistake would change the requests of all.
    """

    settings: GatewaySettings
    upstream: Upstream
    standings: Standings
    _silent_on_usage: set[str] = field(default_factory=set)
    _without_responses: set[str] = field(default_factory=set)

    async def ask(self, call: Call, ask: Ask, target: Target, policy: Policy, seconds: float) -> StreamResponse:
        """One attempt, and how it speaks for or against the backend. `seconds` are what is left for the request.

        Raises ApiError leaves if the caller has got nothing yet.
        """
        standing, now = self.standings.of(target), self.standings.now
        attempt = standing.begin(target, now())
        call.target = target
        try:
            return await self._ask(call, ask, attempt, policy, seconds)
        except ApiError as error:  # else the wait is over when the answer begins
            call.waited_seconds += now() - attempt.started
            attempt.error = error
            raise
        finally:
            if attempt.error is not None:
                innocent = _innocent(ask, target, attempt.error)
                standing.failed(attempt.error, policy, now(), innocent=innocent)
            elif attempt.answered:
                standing.answered(attempt, call.usage, now())
            standing.end(attempt)

    async def _ask(self, call: Call, ask: Ask, attempt: Attempt, policy: Policy, seconds: float) -> StreamResponse:
        target = self._way_to(ask, attempt.target)
        try:
            return await self._awake(call, ask, target, attempt, policy, seconds)
        except UsageEventRefused:
            answer = await self._awake(call, ask.without_usage(), target, attempt, policy, seconds)
            self._silent_on_usage.add(target.backend.url)
            return answer
        except BackendAnsweredError as error:
            bridge = target.bridge
            if bridge is None or ask.operation.form != "responses" or error.http_status not in _UNKNOWN_PATH:
                raise
            answer = await self._awake(call, ask, bridge, attempt, policy, seconds)
            self._without_responses.add(target.backend.url)
            return answer

    def _way_to(self, ask: Ask, target: Target) -> Target:
        """The backend itself, or the translator for what it does not speak."""
        operation = ask.operation
        if target.backend.translated or (operation.native and target.backend.url not in self._without_responses):
            return target
        if operation.form == "chat":
            return target
        if target.bridge is None:
            raise BadRequest(f"The model {ask.model!r} does not answer /v1{operation.path}.", param="model")
        return target.bridge

    async def _awake(
        self, call: Call, ask: Ask, target: Target, attempt: Attempt, policy: Policy, seconds: float
    ) -> StreamResponse:
        """Send; an on-demand part that sleeps is woken, outside the limits, and asked again."""
        if target is not attempt.target:
            await self.upstream.wake(attempt.target)  # the translator wakes nobody
        try:
            return await self._send(call, ask, target, attempt, policy, seconds)
        except Asleep:
            await self.upstream.wake(target)
            awake = asyncio.get_running_loop().time()
            call.waited_seconds += awake - attempt.started
            attempt.started = attempt.heard_at = awake
            return await self._send(call, ask, target, attempt, policy, seconds)

    async def _send(
        self, call: Call, ask: Ask, target: Target, attempt: Attempt, policy: Policy, seconds: float
    ) -> StreamResponse:
        if ask.usage_options is not None and target.backend.url in self._silent_on_usage:
            ask = ask.without_usage()
        request = sending.prepare(call, ask, target)
        own = ask.wishes.timeout or target.backend.timeout_seconds or policy.timeout_seconds
        call.timeout_seconds = own or self.settings.total_timeout_seconds
        whole = min(call.timeout_seconds, seconds)
        try:
            if not ask.stream:
                most = self.settings.max_response_bytes
                return await plain.relay(call, request, attempt, whole, self.upstream, most)
            limits = self._stream_limits(ask, target, policy, whole)
            return await Stream(call, request, attempt, limits, self.settings).relay(self.upstream)
        except asyncio.CancelledError:
            if call.usage is None:  # the backend has read the prompt, and bills it
                call.usage, call.usage_estimated = Usage(prompt_tokens=call.estimated_input), True
            raise

    def _stream_limits(self, ask: Ask, target: Target, policy: Policy, whole: float) -> StreamLimits:
        own = ask.wishes.stream_timeout or target.backend.stream_timeout_seconds or policy.stream_timeout_seconds
        return StreamLimits(
            first=own or self.settings.first_token_timeout_seconds,
            idle=own or self.settings.stream_idle_timeout_seconds,
            total=whole,
            hold=policy.hold_seconds,
        )


def _innocent(ask: Ask, target: Target, error: ApiError) -> bool:
    """The caller's own limit may have been too short for any backend, or the translator before it is not there."""
    if isinstance(error, Asleep | PartUnavailable):
        return target.backend.part is None
    own = ask.wishes.timeout is not None or ask.wishes.stream_timeout is not None
    return own and isinstance(error, BackendTimedOut) and not isinstance(error, ConnectTimedOut)
