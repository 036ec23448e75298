"""What an answer costs, and what a request is likely to cost."""

from collections.abc import Iterable
from dataclasses import dataclass

from lumina_contracts.snapshot import Backend
from lumina_inference.gateway.answers import Usage
from lumina_inference.gateway.limits.store import MOST, Unit


@dataclass(slots=True)
class Estimate:
    """What a request reserves until its usage is known."""

    tokens: int
    cost_nano_usd: int

    def amount(self, unit: Unit) -> int:
        """How much of a unit one such request takes."""
        return {"requests": 1, "tokens": self.tokens, "nano_usd": self.cost_nano_usd}[unit]


def cost_nano_usd(backend: Backend, usage: Usage) -> int | None:
    """What the answer cost; None where the backend has no price. Cached input has its own price if there is one."""
    per_input, per_output = backend.input_nano_usd_per_token, backend.output_nano_usd_per_token
    if per_input is None and per_output is None:
        return None
    cached = min(usage.cached_tokens or 0, usage.input_tokens)
    per_cached = backend.cached_input_nano_usd_per_token
    cost = (usage.input_tokens - cached) * (per_input or 0) + usage.output_tokens * (per_output or 0)
    return round(min(cost + cached * ((per_input or 0) if per_cached is None else per_cached), MOST))


def estimate(backends: Iterable[Backend], input_tokens: int, output_tokens: int) -> Estimate:
    """What so many tokens cost at the dearest of the backends."""
    dearest = 0.0
    for backend in backends:
        per_input, per_output = backend.input_nano_usd_per_token or 0.0, backend.output_nano_usd_per_token or 0.0
        dearest = max(dearest, input_tokens * per_input + output_tokens * per_output)
    return Estimate(input_tokens + output_tokens, round(dearest))
