"""Which backend of a route gets a request."""

from bisect import bisect_right
from collections.abc import Callable

from lumina_inference.gateway.index import Choices, Target

Draw = Callable[[], float]
"""A number from 0 up to, not including, 1."""


def choose(choices: Choices, draw: Draw) -> Target:
    """One target, at random by weight; evenly if no weight is above zero."""
    targets, weights = choices.targets, choices.weights
    if len(targets) == 1:
        return targets[0]
    total = weights[-1]
    if total <= 0:
        return targets[int(draw() * len(targets))]
    return targets[bisect_right(weights, draw() * total, hi=len(targets) - 1)]
