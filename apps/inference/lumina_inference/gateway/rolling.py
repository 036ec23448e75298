"""What happened lately, in bounded memory: how often, and how long it took. Times are seconds of a monotonic clock."""

import math
from collections import deque
from collections.abc import Mapping

_RATE_SECONDS = 10
_SLICE_SECONDS = 10
_SLICES = 6
_STEPS = 8  # classes per doubling: a percentile is right to 5%
_LEAST, _MOST = -20 * _STEPS, 12 * _STEPS  # from a microsecond to over an hour

Spread = dict[int, int]
"""How many durations fell into each class; those of several processes add up."""


class Rate:
    """Counts per second over the last ten whole seconds."""

    __slots__ = ("_counts", "_second")

    def __init__(self) -> None:
        self._counts = [0] * (_RATE_SECONDS + 1)
        self._second = 0

    def tick(self, now: float) -> None:
        second = int(now)
        if second != self._second:
            self._turn(second)
        self._counts[second % (_RATE_SECONDS + 1)] += 1

    def per_second(self, now: float) -> float:
        second = int(now)
        if second != self._second:
            self._turn(second)
        return (sum(self._counts) - self._counts[second % (_RATE_SECONDS + 1)]) / _RATE_SECONDS

    def _turn(self, second: int) -> None:
        for passed in range(max(self._second, second - _RATE_SECONDS - 1) + 1, second + 1):
            self._counts[passed % (_RATE_SECONDS + 1)] = 0
        self._second = max(self._second, second)


class Durations:
    """How long things took over the last minute, in classes that grow by 9% each."""

    __slots__ = ("_newest", "_slice", "_slices")

    def __init__(self) -> None:
        self._slice = -1
        self._newest: Spread = {}
        self._slices: deque[tuple[int, Spread]] = deque(maxlen=_SLICES)

    def add(self, seconds: float, now: float) -> None:
        current = int(now) // _SLICE_SECONDS
        if current != self._slice:
            self._slice, self._newest = current, {}
            self._slices.append((current, self._newest))
        place = _class_of(seconds)
        self._newest[place] = self._newest.get(place, 0) + 1

    def spread(self, now: float) -> Spread:
        """All of the last minute, in one."""
        oldest = int(now) // _SLICE_SECONDS - _SLICES
        return merged(*(spread for number, spread in self._slices if number > oldest))


def merged(*spreads: Mapping[int, int]) -> Spread:
    """Several spreads as one."""
    whole: Spread = {}
    for spread in spreads:
        for place, count in spread.items():
            whole[place] = whole.get(place, 0) + count
    return whole


def percentile(spread: Mapping[int, int], share: float) -> float | None:
    """The seconds within which this share of them was done, right to 5%; None if there were none."""
    wanted = share * sum(spread.values())
    reached = 0
    for place in sorted(spread):
        reached += spread[place]
        if reached >= wanted:
            return float(2.0 ** ((place + 0.5) / _STEPS))
    return None


def _class_of(seconds: float) -> int:
    if seconds <= 0:
        return _LEAST
    return min(max(math.floor(math.log2(seconds) * _STEPS), _LEAST), _MOST)
