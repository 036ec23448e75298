"""The inference operations: check who asks and what, and let the route's backends answer."""

from collections.abc import Callable
from dataclasses import dataclass

from aiohttp.web import StreamResponse

from lumina_inference.gateway import asks
from lumina_inference.gateway.admission import Admission
from lumina_inference.gateway.asks import Ask
from lumina_inference.gateway.auth import authenticate, known_index, require
from lumina_inference.gateway.bodies import Bodies
from lumina_inference.gateway.calls import Call
from lumina_inference.gateway.capture import Content
from lumina_inference.gateway.errors import BadRequest, ModelNotAllowed, Overloaded
from lumina_inference.gateway.failover import Failover
from lumina_inference.gateway.index import Caller, Choices
from lumina_inference.gateway.models import unknown_model
from lumina_inference.gateway.operations import CHAT, COMPLETION, EMBEDDING, MESSAGES, RESPONSES, Operation
from lumina_inference.gateway.settings import GatewaySettings
from lumina_kit.clock import Clock


@dataclass
class Inference:
    """Serves inference requests."""

    settings: GatewaySettings
    bodies: Bodies
    failover: Failover
    admission: Admission
    now: Clock
    capture: Callable[[], Content]
    in_flight: int = 0

    async def chat(self, call: Call) -> StreamResponse:
        return await self._serve(call, CHAT)

    async def completion(self, call: Call) -> StreamResponse:
        return await self._serve(call, COMPLETION)

    async def embedding(self, call: Call) -> StreamResponse:
        return await self._serve(call, EMBEDDING)

    async def responses(self, call: Call) -> StreamResponse:
        return await self._serve(call, RESPONSES)

    async def messages(self, call: Call) -> StreamResponse:
        return await self._serve(call, MESSAGES)

    async def _serve(self, call: Call, operation: Operation) -> StreamResponse:
        call.operation = operation
        caller = authenticate(call, self.now)
        require(caller, "inference")
        if caller.captures:
            call.content = self.capture()
        self._enter()
        try:
            ask = await self._ask(call, operation)
            choices = call.choices = _route(call, caller, ask)
            await self.admission.admit(call, caller, ask, choices)
            return await self.failover.answer(call, ask, choices)
        finally:
            self._leave(call)

    async def _ask(self, call: Call, operation: Operation) -> Ask:
        body = await self.bodies.read(call)
        if call.content is not None:
            call.content.asked(body)
        ask = asks.parse(body, operation, self.settings.max_messages, call.request.headers)
        call.asked_model, call.stream, call.prompt_sha256 = ask.model, ask.stream, ask.prompt_sha256
        call.estimated_input = ask.input_tokens
        return ask

    def _enter(self) -> None:
        if self.in_flight >= self.settings.max_in_flight:
            raise Overloaded("The gateway serves as many requests as it may; try again.", headers={"Retry-After": "1"})
        self.in_flight += 1

    def _leave(self, call: Call) -> None:
        self.in_flight -= 1
        self.bodies.release(call)


def _route(call: Call, caller: Caller, ask: Ask) -> Choices:
    """The route of the model, if there is one, the caller may use it, and it answers such requests."""
    choices = known_index(call).find(ask.model)
    if choices is None or not choices.targets:
        raise unknown_model(ask.model)
    if not caller.may_use(ask.model, choices.route.name):
        raise _not_allowed(ask.model, "model")
    _check_fallbacks(call, caller, ask)
    if ask.operation.kind not in choices.route.kinds:
        raise BadRequest(f"The model {ask.model!r} does not answer /v1{ask.operation.path}.", param="model")
    return choices


def _check_fallbacks(call: Call, caller: Caller, ask: Ask) -> None:
    """Those that the caller names itself. The operator's own are passed over where a key may not use them."""
    for name in ask.wishes.fallbacks or ():
        found = known_index(call).find(name)
        if found is not None and not caller.may_use(name, found.route.name):
            raise _not_allowed(name, "fallbacks")


def _not_allowed(model: str, param: str) -> ModelNotAllowed:
    return ModelNotAllowed(f"This key may not use the model {model!r}; GET /v1/models lists what it may.", param=param)
