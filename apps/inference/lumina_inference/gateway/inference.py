"""The three inference operations: check who asks and what, choose a backend, relay its answer."""

from dataclasses import dataclass, field

from aiohttp.web import StreamResponse

from lumina_inference.gateway import asks, plain, sending
from lumina_inference.gateway.asks import Ask
from lumina_inference.gateway.auth import authenticate, known_index, require
from lumina_inference.gateway.bodies import Bodies
from lumina_inference.gateway.calls import Call
from lumina_inference.gateway.choice import Draw, choose
from lumina_inference.gateway.errors import BadRequest, Overloaded, UsageEventRefused
from lumina_inference.gateway.index import Choices, Target
from lumina_inference.gateway.models import unknown_model
from lumina_inference.gateway.operations import CHAT, COMPLETION, EMBEDDING, Operation
from lumina_inference.gateway.settings import GatewaySettings
from lumina_inference.gateway.streams import Stream
from lumina_inference.gateway.upstream import Asleep, Upstream
from lumina_kit.clock import Clock


@dataclass
class Inference:
    """Serves inference requests."""

    settings: GatewaySettings
    bodies: Bodies
    upstream: Upstream
    draw: Draw
    now: Clock
    in_flight: int = 0
    _silent_on_usage: set[str] = field(default_factory=set)

    async def chat(self, call: Call) -> StreamResponse:
        return await self._serve(call, CHAT)

    async def completion(self, call: Call) -> StreamResponse:
        return await self._serve(call, COMPLETION)

    async def embedding(self, call: Call) -> StreamResponse:
        return await self._serve(call, EMBEDDING)

    async def _serve(self, call: Call, operation: Operation) -> StreamResponse:
        call.operation = operation
        require(authenticate(call, self.now), "inference")
        self._enter()
        try:
            ask = await self._ask(call, operation)
            choices = call.choices = _route(call, ask, operation)
            return await self._answer(call, operation, ask, choose(choices, self.draw))
        finally:
            self._leave(call)

    async def _ask(self, call: Call, operation: Operation) -> Ask:
        ask = asks.parse(await self.bodies.read(call), operation, self.settings.max_messages)
        call.asked_model, call.stream, call.prompt_sha256 = ask.model, ask.stream, ask.prompt_sha256
        return ask

    async def _answer(self, call: Call, operation: Operation, ask: Ask, target: Target) -> StreamResponse:
        """Attempt a target; an on-demand part that sleeps is woken, outside the target's limits, and asked again."""
        call.target = target
        call.reply_headers.extend(target.reply_headers)
        try:
            return await self._attempt(call, operation, ask, target)
        except Asleep:
            await self.upstream.wake(target)
            return await self._attempt(call, operation, ask, target)
        except UsageEventRefused:
            self._silent_on_usage.add(target.backend.url)
            return await self._attempt(call, operation, ask.without_usage(), target)

    async def _attempt(self, call: Call, operation: Operation, ask: Ask, target: Target) -> StreamResponse:
        if target.backend.url in self._silent_on_usage:
            ask = ask.without_usage()
        request = sending.prepare(call, operation, ask, target)
        if ask.stream:
            return await Stream(call, request, self.settings).relay(self.upstream)
        return await plain.relay(call, request, self.upstream, self.settings)

    def _enter(self) -> None:
        if self.in_flight >= self.settings.max_in_flight:
            raise Overloaded("The gateway serves as many requests as it may; try again.", headers={"Retry-After": "1"})
        self.in_flight += 1

    def _leave(self, call: Call) -> None:
        self.in_flight -= 1
        self.bodies.release(call)


def _route(call: Call, ask: Ask, operation: Operation) -> Choices:
    choices = known_index(call).routes.get(ask.model)
    if choices is None or not choices.targets:
        raise unknown_model(ask.model)
    if operation.kind not in choices.route.kinds:
        raise BadRequest(f"The model {ask.model!r} does not answer /v1{operation.path}.", param="model")
    return choices
