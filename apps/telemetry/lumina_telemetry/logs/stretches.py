"""A span of time, looked at backwards in growing stretches: what is newest is found first, and found is kept."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

SECOND = 10**9
FIRST = 600 * SECOND
GROWTH = 8

TIME_IS_OVER = "The search took too long; go on with `next`, ask for a shorter time, or filter by more."


@dataclass(frozen=True)
class Stretches:
    """Pairs of times, each before the one before, down to `start_ns`, until the deadline has passed."""

    start_ns: int
    end_ns: int
    deadline: float
    align_ns: int = 1

    def __iter__(self) -> Iterator[tuple[int, int]]:
        upper, length = self.end_ns, FIRST
        while upper > self.start_ns and time.monotonic() < self.deadline:
            lower = (upper - length) // self.align_ns * self.align_ns
            yield max(lower, self.start_ns), upper
            upper, length = lower, length * GROWTH
