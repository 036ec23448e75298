"""A request's way through the limits of its key and project: an estimate reserved, its real usage settled."""

from dataclasses import dataclass

from lumina_inference.gateway.asks import Ask
from lumina_inference.gateway.calls import Call
from lumina_inference.gateway.index import Caller, Choices
from lumina_inference.gateway.limits import Limiter, pricing
from lumina_inference.gateway.settings import GatewaySettings

_NANO = 1_000_000_000


@dataclass(frozen=True)
class Admission:
    """Admits requests, and books what they used."""

    limiter: Limiter
    settings: GatewaySettings

    async def admit(self, call: Call, caller: Caller, ask: Ask, choices: Choices) -> None:
        """Reserve an estimate; the store is awaited only if nothing is on lease. Raises the errors of the limits."""
        output = 0
        if ask.operation.streams:
            output = ask.most_tokens if ask.most_tokens is not None else self.settings.estimated_output_tokens
        backends = [target.backend for target in choices.targets]
        estimate = pricing.estimate(backends, ask.input_tokens, output)
        reservation = self.limiter.admit_now(caller, estimate)
        if reservation is None:
            reservation = await self.limiter.admit(caller, estimate)
        call.reservation, call.reserved_output, call.at_end = reservation, output, self.settle
        call.rate_headers = reservation.headers()
        spent = self.limiter.spent(f"key:{caller.key.id}")
        if spent is not None:
            call.reply_headers.append(("x-litellm-key-spend", f"{spent / _NANO:.10g}"))

    def settle(self, call: Call) -> None:
        """Book the usage of the backend that answered; without an answer nothing is billed."""
        reservation = call.reservation
        if reservation is None:
            return
        call.reservation = None
        usage, target, choices = call.usage, call.target, call.choices
        if usage is None or target is None or choices is None:
            reservation.release()
            return
        tokens = usage.input_tokens + usage.output_tokens
        backend = target.backend.id
        reservation.settle(tokens, call.cost_nano_usd or 0, route=choices.route.name, backend=backend)
