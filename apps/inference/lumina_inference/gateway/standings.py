"""How each backend stands: its circuit, what is under way there, and how fast and how much it has answered lately."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from msgspec import Struct

from lumina_contracts.snapshot import Policy
from lumina_inference.gateway.answers import Usage
from lumina_inference.gateway.breaker import Breaker
from lumina_inference.gateway.errors import ApiError, BackendDied, PermissionRefused
from lumina_inference.gateway.failures import Failure, conduct, failure_of, retry_after, tolerated
from lumina_inference.gateway.index import Index, Target
from lumina_inference.gateway.tally import Tally
from lumina_kit import logs

_log = logs.get(__name__)
_MINUTE = 60.0
_NEWEST = 0.2
_MISSES_OF_THE_DEAD = 2
_CREDENTIALS_SECONDS = 60.0
_LONGEST_REST = 600.0
_DEAD_SECONDS = 5.0
_WILD = "*"
_AVAILABLE = {"closed": 1.0, "half_open": 0.5, "open": 0.0}
_OF_ONE_MODEL = frozenset({Failure.MISSING, Failure.SERVER_ERROR, Failure.RATE_LIMITED})
_LOST = frozenset({Failure.UNREACHABLE, Failure.TIMED_OUT, Failure.BROKEN})


class Attempt(Struct, eq=False):
    """One request on its way at one backend. Times are the event loop's.

    `begun`: the caller has a part of the answer. `answered`: the whole answer has come. `error`: how it failed.
    `limit` is there only while it runs.
    """

    target: Target
    standing: "Standing"
    started: float
    heard_at: float
    trial: bool = False
    begun: bool = False
    answered: bool = False
    died: bool = False
    error: ApiError | None = None
    limit: asyncio.Timeout | None = None
    first_seconds: float | None = None

    def spoke_first(self, now: float) -> None:
        """The first event of a stream has come. A trial has succeeded then, however long the stream may be."""
        self.first_seconds = now - self.started
        if self.trial:
            self.standing.breaker.close()

    def abandon(self) -> None:
        """The backend is dead: stop waiting for it, unless it has said all."""
        limit = self.limit
        if limit is not None and not self.answered and not limit.expired():
            self.died = True
            limit.reschedule(asyncio.get_running_loop().time())


@dataclass(slots=True, eq=False)
class Standing:
    """One backend as this gateway process sees it. It outlives snapshots that keep the backend."""

    target: Target
    breaker: Breaker = field(default_factory=Breaker)
    tally: Tally = field(default_factory=Tally)
    under_way: set[Attempt] = field(default_factory=set)
    seconds: float | None = None
    first_seconds: float | None = None
    measured_at: float = 0.0
    minute: float = 0.0
    requests: int = 0
    tokens: int = 0
    misses: int = 0
    probe_works: bool = False
    doubted: bool = False
    lost: bool = False
    probing: bool = False
    probed_at: float = 0.0

    @property
    def in_flight(self) -> int:
        return len(self.under_way)

    @property
    def in_doubt(self) -> bool:
        """Whether a probe is wanted soon."""
        return self.doubted or self.misses > 0 or self.breaker.dead

    def begin(self, target: Target, now: float) -> Attempt:
        """A request goes there. Every attempt ends with `end`."""
        attempt = Attempt(target, self, now, now, trial=self.breaker.enter(now))
        self.under_way.add(attempt)
        self._turn(now)
        self.requests += 1
        return attempt

    def end(self, attempt: Attempt) -> None:
        self.under_way.discard(attempt)
        attempt.limit = None
        if attempt.trial:
            self.breaker.leave()

    def answered(self, attempt: Attempt, usage: Usage | None, now: float) -> None:
        """The attempt brought a whole answer."""
        # An answer to an earlier request does not take back that the backend wants a pause.
        self.breaker.succeeded(now, closes=attempt.trial or self.breaker.reason != Failure.RATE_LIMITED)
        self.misses, self.doubted, self.lost = 0, False, False
        self._turn(now)
        if usage is not None:
            self.tokens += usage.input_tokens + usage.output_tokens
        self.seconds = _mean(self.seconds, now - attempt.started)
        if attempt.first_seconds is not None:
            self.first_seconds = _mean(self.first_seconds, attempt.first_seconds)
        self.measured_at = now
        self.tally.answered(now - attempt.started, attempt.first_seconds, now)

    def failed(self, error: ApiError, policy: Policy, now: float, *, innocent: bool = False) -> Failure:
        """The attempt brought nothing that counts. `innocent`: by no fault of the backend."""
        failure = failure_of(error)
        self.tally.failed(failure.value, now)
        self.doubted = self.doubted or failure in _LOST or failure is Failure.SERVER_ERROR
        self.lost = self.lost or (failure in _LOST and not innocent)
        if policy.cooldowns and not innocent and self._blames(failure):
            was = self.breaker.reason
            self._blame(error, failure, policy, now)
            self._tell(was)
        return failure

    def _blames(self, failure: Failure) -> bool:
        """Behind a `*` are many models, and what one of them answers says nothing of the others."""
        if _WILD in self.target.backend.model and failure in _OF_ONE_MODEL:
            return False
        return conduct(failure).blames

    def _blame(self, error: ApiError, failure: Failure, policy: Policy, now: float) -> None:
        seconds = self.target.backend.cooldown_seconds or policy.cooldown_seconds
        asked = retry_after(error.headers) if failure is Failure.RATE_LIMITED else None
        if asked is not None:
            self.breaker.rest(now, failure, min(asked, _LONGEST_REST))
        elif failure is Failure.CREDENTIALS and not isinstance(error, PermissionRefused):
            self.breaker.open(now, failure, max(seconds, _CREDENTIALS_SECONDS))
        elif not isinstance(error, BackendDied):  # then the probe has opened the circuit
            allowed = tolerated(policy.allowed_fails_policy, error, policy.allowed_fails)
            self.breaker.failed(now, failure, allowed, seconds)

    def probed(self, *, alive: bool, now: float, silent_since: float) -> None:
        """A free probe has ended.

        The second one in a row that fails takes the backend out, with all that waits there; so does the first one after
        a request has got no answer. Neither does if a request has heard something after `silent_since`.
        """
        if alive:
            if self.misses or self.breaker.dead:
                self.breaker.revive(now)
            self.probe_works, self.misses, self.doubted, self.lost = True, 0, False, False
        elif self._spoke(silent_since):
            self.misses = 0
        elif self._trusts_probe():
            self.misses += 1
            if self.misses >= _MISSES_OF_THE_DEAD or self.lost:
                self._die(now)

    def _spoke(self, after: float) -> bool:
        return any(attempt.heard_at > max(attempt.started, after) for attempt in self.under_way)

    def _trusts_probe(self) -> bool:
        """A probe that has never worked may be at fault itself. It has its say once, if no request was answered yet."""
        return self.probe_works or not (self.measured_at or self.breaker.reason == Failure.DIED)

    def usage(self, now: float) -> tuple[int, int]:
        """Requests and tokens of this minute."""
        self._turn(now)
        return self.requests, self.tokens

    def _die(self, now: float) -> None:
        was = self.breaker.reason
        if not self.breaker.dead:
            # Where no probe has ever worked, time decides, and a request on trial.
            seconds = 0.0 if self.probe_works else _DEAD_SECONDS
            self.breaker.open(now, Failure.DIED, seconds, dead=self.probe_works)
        for attempt in tuple(self.under_way):
            attempt.abandon()
        self._tell(was)

    def _turn(self, now: float) -> None:
        if now - self.minute >= _MINUTE:
            self.minute, self.requests, self.tokens = now, 0, 0

    def _tell(self, was: str | None) -> None:
        if was is None and self.breaker.reason is not None:
            backend = self.target.backend.id
            _log.warning("backend out of rotation", backend=backend, reason=str(self.breaker.reason))


class Standings:
    """The standing of every backend, by its id."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.now = clock
        self._by_id: dict[str, Standing] = {}
        self._routes: dict[str, str] = {}
        self._leaving: list[Standing] = []

    def __iter__(self) -> Iterator[Standing]:
        return iter(tuple(self._by_id.values()))

    def watched(self) -> Iterator[Standing]:
        """Those of the snapshot in force, and earlier ones that still have requests under way."""
        self._leaving = [standing for standing in self._leaving if standing.under_way]
        return iter((*self._by_id.values(), *self._leaving))

    def available(self) -> Iterator[tuple[tuple[str, str], float]]:
        """Route and id of each backend with 1 while it gets requests, 0.5 while it gets one on trial, else 0."""
        now = self.now()
        for name, standing in tuple(self._by_id.items()):
            yield (self._routes[name], name), _AVAILABLE[standing.breaker.state(now)]

    def of(self, target: Target) -> Standing:
        standing = self._by_id.get(target.backend.id)
        return self._former(target) if standing is None else standing

    def follow(self, index: Index) -> None:
        """A new snapshot: backends that it changed start afresh, those before them are forgotten once idle."""
        found = [(choices.route.name, target) for choices in index.every_route for target in choices.targets]
        targets = {target.backend.id: target for _, target in found}
        self._routes = {target.backend.id: route for route, target in found}
        for name, standing in tuple(self._by_id.items()):
            target = targets.get(name)
            if target is None or target.backend != standing.target.backend:
                self._leaving.append(self._by_id.pop(name))
            else:
                standing.target = target
        for name, target in targets.items():
            if name not in self._by_id:
                self._by_id[name] = Standing(target)

    def _former(self, target: Target) -> Standing:
        """Of a backend that the snapshot no longer has: requests that began before may still ask it."""
        for standing in self._leaving:
            if standing.target.backend.id == target.backend.id:
                return standing
        self._leaving.append(Standing(target))
        return self._leaving[-1]


def _mean(before: float | None, newest: float) -> float:
    return newest if before is None else before + _NEWEST * (newest - before)
