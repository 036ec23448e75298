"""The shares of a route's backends in `simple-shuffle`, as LiteLLM has them: by weight, else by rpm, else by tpm."""

from collections.abc import Sequence

from msgspec import structs

from lumina_contracts.snapshot import Backend
from lumina_inference.config.backends import Drafted


def weighted(drafted: Sequence[Drafted]) -> tuple[Backend, ...]:
    """The backends with their weights. Where some have a weight, one without is asked only when those fail."""
    shares = next(filter(any, _measures(drafted)), [1.0] * len(drafted))
    return tuple(structs.replace(each.backend, weight=share) for each, share in zip(drafted, shares, strict=True))


def _measures(drafted: Sequence[Drafted]) -> list[list[float]]:
    return [
        [each.weight or 0.0 for each in drafted],
        [float(each.backend.requests_per_minute or 0) for each in drafted],
        [float(each.backend.tokens_per_minute or 0) for each in drafted],
    ]
