"""Which backend of a route gets a request: first who may, then by the route's strategy.

The strategies are LiteLLM's. `simple-shuffle`: at random by weight. `least-busy`: the fewest requests under way.
`latency-based`: the fastest lately, those not measured first. `usage-based`: the fewest tokens this minute.
`cost-based`: the cheapest.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from msgspec import Struct

from lumina_contracts.snapshot import Policy, Strategy
from lumina_inference.gateway.index import Target
from lumina_inference.gateway.standings import Standing, Standings

Draw = Callable[[], float]
"""A number from 0 up to, not including, 1."""

DEFAULT_TAG = "default"


class Needs(Struct):
    """What a request asks of a backend: its tags, its size in tokens (an estimate), whether it streams."""

    tags: tuple[str, ...] = ()
    tokens: int = 0
    stream: bool = False


@dataclass(frozen=True)
class Chooser:
    """Chooses among backends by how they stand."""

    standings: Standings
    draw: Draw

    def choose(self, targets: Sequence[Target], policy: Policy, needs: Needs, tried: Sequence[Target]) -> Target | None:
        """One target; one that was not tried yet if there is any. None if all are out of rotation or do not fit."""
        now = self.standings.now()
        if len(targets) == 1 and not policy.filters_tags and not policy.checks_context_window:
            standing = self.standings.of(targets[0])
            return targets[0] if _admits(standing, now) else None
        able = [target for target in fitting(targets, policy, needs) if _admits(self.standings.of(target), now)]
        fresh = [target for target in able if target not in tried] or able
        return self._of(_first_in_order(self._within_limits(fresh, needs, now)), policy, needs, now)

    def _within_limits(self, targets: list[Target], needs: Needs, now: float) -> list[Target]:
        """Those that are below their own limits of requests and tokens a minute; all if none is."""
        return [target for target in targets if self._has_room(target, needs, now)] or targets

    def _has_room(self, target: Target, needs: Needs, now: float) -> bool:
        backend = target.backend
        if backend.requests_per_minute is None and backend.tokens_per_minute is None:
            return True
        requests, tokens = self.standings.of(target).usage(now)
        return requests < (backend.requests_per_minute or requests + 1) and tokens + needs.tokens <= (
            backend.tokens_per_minute or tokens + needs.tokens
        )

    def _of(self, targets: list[Target], policy: Policy, needs: Needs, now: float) -> Target | None:
        if len(targets) < 2:
            return targets[0] if targets else None
        if policy.strategy == "latency-based":
            return self._fast(targets, policy, needs, now)
        key = _KEYS.get(policy.strategy)
        if key is None:
            return self._shuffled(targets)
        keys = [key(self.standings.of(target), now) for target in targets]
        least = min(keys)
        return self._any([target for target, value in zip(targets, keys, strict=True) if value == least])

    def _fast(self, targets: list[Target], policy: Policy, needs: Needs, now: float) -> Target:
        speeds = [(self._speed(target, policy, needs, now), target) for target in targets]
        unknown = [target for speed, target in speeds if speed is None]
        if unknown:
            return self._any(unknown)
        known = [(speed, target) for speed, target in speeds if speed is not None]
        limit = min(speed for speed, _ in known) * (1 + policy.latency_buffer)
        return self._any([target for speed, target in known if speed <= limit])

    def _speed(self, target: Target, policy: Policy, needs: Needs, now: float) -> float | None:
        standing = self.standings.of(target)
        if now - standing.measured_at > policy.latency_ttl_seconds:
            return None
        return standing.first_seconds if needs.stream and standing.first_seconds is not None else standing.seconds

    def _shuffled(self, targets: list[Target]) -> Target:
        weights = list(accumulate(max(target.backend.weight, 0.0) for target in targets))
        if weights[-1] <= 0:
            return self._any(targets)
        return targets[bisect_right(weights, self.draw() * weights[-1], hi=len(targets) - 1)]

    def _any(self, targets: list[Target]) -> Target:
        return targets[int(self.draw() * len(targets))]


def fitting(targets: Sequence[Target], policy: Policy, needs: Needs) -> list[Target]:
    """The targets that the request's tags and size allow, whatever their health."""
    found = list(targets)
    if policy.filters_tags:
        found = _tagged(found, policy, needs.tags)
    if policy.checks_context_window:
        most = [target.backend.max_input_tokens for target in found]
        found = [target for target, limit in zip(found, most, strict=True) if limit is None or needs.tokens <= limit]
    return found


def _tagged(targets: list[Target], policy: Policy, tags: tuple[str, ...]) -> list[Target]:
    """LiteLLM's rule: where the tags are, else where `default` is, else (without tags) anywhere."""
    test = any if policy.matches_any_tag else all
    wanted = [target for target in targets if tags and test(tag in target.backend.tags for tag in tags)]
    default = [target for target in targets if DEFAULT_TAG in target.backend.tags]
    return wanted or default or ([] if tags else targets)


def _admits(standing: Standing, now: float) -> bool:
    if not standing.breaker.admits(now):
        return False
    most = standing.target.backend.max_parallel_requests
    return most is None or len(standing.under_way) < most


def _first_in_order(targets: list[Target]) -> list[Target]:
    if len(targets) < 2:
        return targets
    first = min(target.backend.order for target in targets)
    return [target for target in targets if target.backend.order == first]


def _price(standing: Standing, now: float) -> float:
    backend = standing.target.backend
    return (backend.input_nano_usd_per_token or 0.0) + (backend.output_nano_usd_per_token or 0.0)


_KEYS: dict[Strategy, Callable[[Standing, float], float]] = {
    "least-busy": lambda standing, now: standing.in_flight,
    "usage-based": lambda standing, now: standing.usage(now)[1],
    "cost-based": _price,
}
