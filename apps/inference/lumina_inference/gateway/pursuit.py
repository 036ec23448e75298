"""One request on one route: which backend is asked next, after which pause, and when nothing more is worth a try."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp.web import StreamResponse
from msgspec import Struct
from msgspec.structs import replace

from lumina_contracts.snapshot import Policy
from lumina_inference.gateway.asks import Ask
from lumina_inference.gateway.backends import Backends
from lumina_inference.gateway.breaker import Breaker
from lumina_inference.gateway.calls import Call, FailedAttempt
from lumina_inference.gateway.choice import Chooser, Draw, Needs, fitting
from lumina_inference.gateway.errors import ApiError, BackendsRateLimited, NoBackend, PromptTooLong
from lumina_inference.gateway.failures import (
    SHOULD_RETRY,
    Failure,
    conduct,
    failure_of,
    retried_all_the_same,
    retry_after,
    tolerated,
)
from lumina_inference.gateway.index import Choices, Target
from lumina_inference.gateway.settings import GatewaySettings
from lumina_inference.gateway.standings import Standing

_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 8.0
_JITTER = 0.5
_TRIAL_PATIENCE = 5.0
_LEAST_SECONDS = 0.001
_SOON = {"Retry-After": "1"}

Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True)
class Means:
    """What every pursuit works with."""

    settings: GatewaySettings
    backends: Backends
    chooser: Chooser
    draw: Draw
    sleep: Sleep = asyncio.sleep

    def now(self) -> float:
        return self.chooser.standings.now()


class Pursuit(Struct, eq=False):
    """One request on one route."""

    means: Means
    call: Call
    ask: Ask
    choices: Choices
    deadline: float
    tried: list[Target] = []
    last: ApiError | None = None
    honoured: bool = False
    on_trial: bool = False

    async def run(self) -> StreamResponse:
        """Attempt until one succeeds. Raises the last error, or NoBackend."""
        policy = self.choices.route.policy
        while True:
            target = await self._next(policy)
            self.call.retries += self.last is not None
            if target not in self.tried:
                self.on_trial = self.means.chooser.standings.of(target).breaker.reason is not None
            try:
                return await self._attempt(target, policy)
            except ApiError as error:
                self._failed(target, error, policy)

    async def _attempt(self, target: Target, policy: Policy) -> StreamResponse:
        return await self.means.backends.ask(self.call, self.ask, target, policy, self._left())

    def _left(self) -> float:
        """Seconds; never none at all, which would be no limit."""
        return max(self.deadline - self.means.now(), _LEAST_SECONDS)

    def _failed(self, target: Target, error: ApiError, policy: Policy) -> None:
        """Raises the error if nothing more may be tried on this route."""
        failure = failure_of(error)
        self.call.failed_attempts.append(FailedAttempt.of(target, failure))
        earlier, self.last = self.last, error
        self.tried.append(target)
        self.call.max_retries = allowed = self._retries(target, error, policy)
        if failure is Failure.BAD_REQUEST and earlier is not None:
            raise earlier  # what only this backend refuses, as prefill, must not mask why it was asked
        useful = conduct(failure).elsewhere or retried_all_the_same(policy.retry_policy, error)
        if not useful or len(self.tried) > allowed or self._left() < _FIRST_PAUSE:
            raise error

    def _retries(self, target: Target, error: ApiError, policy: Policy) -> int:
        """How many the caller wants, else the operator for this kind of failure, this backend, or the route."""
        wished, own = self.ask.wishes.num_retries, target.backend.num_retries
        if wished is not None:
            return wished
        return tolerated(policy.retry_policy, error, policy.num_retries if own is None else own)

    async def _next(self, policy: Policy) -> Target:
        """The backend for the next attempt, after the pause that is due before it."""
        chooser, needs = self.means.chooser, _needs(self.ask)
        target = chooser.choose(self.choices.targets, policy, needs, self.tried)
        if target is not None and target not in self.tried:
            return target
        if self.last is not None:
            return await self._again(policy, needs, self.last, self.tried[-1] if target is None else target)
        return await self._reopened(policy, needs)

    async def _again(self, policy: Policy, needs: Needs, last: ApiError, target: Target) -> Target:
        """The same backend once more, if that makes sense and what it asked us to wait is not too long."""
        pause = self._pause(policy, last)
        breaker = self.means.chooser.standings.of(target).breaker
        again = conduct(failure_of(last)).again or retried_all_the_same(policy.retry_policy, last)
        again = again and last.headers.get(SHOULD_RETRY) != "false" and not self._in_vain(policy, last, breaker)
        if not again or pause is None or pause >= self._left():
            raise last
        await self._sleep(pause)
        if retry_after(last.headers) is None:
            return target
        return await self._let_in(policy, needs, target, last, self.means.settings.longest_retry_after_seconds)

    def _in_vain(self, policy: Policy, last: ApiError, breaker: Breaker) -> bool:
        """The circuit is open: a failed trial has told enough, and so has any failure if a fallback can answer."""
        if breaker.reason is None or breaker.dead:
            return breaker.dead
        if breaker.reason == Failure.RATE_LIMITED:
            return self.on_trial and retry_after(last.headers) is None
        return self.on_trial or bool(policy.fallbacks)

    async def _sleep(self, seconds: float) -> None:
        began = self.means.now()
        await self.means.sleep(seconds)
        self.call.waited_seconds += self.means.now() - began

    async def _let_in(self, policy: Policy, needs: Needs, target: Target, last: ApiError, patience: float) -> Target:
        """All who wait for a backend are let in one by one until one of them is answered, then all at once.

        Raises `last` if the backend wants another pause meanwhile, it takes too long, or a fallback can answer.
        """
        chooser, standing = self.means.chooser, self.means.chooser.standings.of(target)
        give_up = min(self.deadline, self.means.now() + patience)
        while (found := chooser.choose(self.choices.targets, policy, needs, self.tried)) is None:
            now = self.means.now()
            waits = standing.breaker.reason is not None and standing.breaker.until <= now < give_up
            if policy.fallbacks or not waits:
                raise last
            await self._sleep(_FIRST_PAUSE * (1 - _JITTER * self.means.draw()))
        return found

    def _pause(self, policy: Policy, last: ApiError) -> float | None:
        """Seconds; None if the backend asked for too long a wait, or for another one after we have waited."""
        asked = retry_after(last.headers)
        if asked is not None:
            if self.honoured or asked > self.means.settings.longest_retry_after_seconds:
                return None
            self.honoured = True
            return asked + _FIRST_PAUSE * self.means.draw()
        growing = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** len(self.tried))
        return max(policy.retry_after_seconds, growing * (1 - _JITTER * self.means.draw()))

    async def _reopened(self, policy: Policy, needs: Needs) -> Target:
        """All are out of rotation. Backends that only asked for a pause are waited for, if nobody else can answer."""
        able = fitting(self.choices.targets, policy, needs)
        if not able:
            raise self._unfit(policy, needs)
        standings = self.means.chooser.standings
        soonest = min((standings.of(target) for target in able), key=_reopening)
        seconds = max(0.0, soonest.breaker.until - self.means.now())
        if soonest.breaker.reason is None:
            raise BackendsRateLimited(f"The model {self.ask.model!r} serves as many requests as it may.", headers=_SOON)
        if soonest.breaker.reason != Failure.RATE_LIMITED:
            return await self._after_trial(policy, needs, soonest, seconds)
        longest = min(self.means.settings.longest_retry_after_seconds, self._left())
        if self.honoured or policy.fallbacks or seconds > longest:
            raise _rate_limited(self.ask, seconds)
        self.honoured = True
        await self._sleep(seconds + _FIRST_PAUSE * self.means.draw())
        longest = self.means.settings.longest_retry_after_seconds
        return await self._let_in(policy, needs, soonest.target, _rate_limited(self.ask, 1), longest)

    async def _after_trial(self, policy: Policy, needs: Needs, standing: Standing, seconds: float) -> Target:
        """While a request is on trial the others wait for how it ends, for it may well be good news."""
        error = _unavailable(self.ask, seconds)
        if seconds > 0 or standing.breaker.dead:
            raise error
        return await self._let_in(policy, needs, standing.target, error, _TRIAL_PATIENCE)

    def _unfit(self, policy: Policy, needs: Needs) -> ApiError:
        model = self.ask.model
        if fitting(self.choices.targets, policy, replace(needs, tokens=0)):
            return PromptTooLong(f"The prompt has about {needs.tokens} tokens: too many for the model {model!r}.")
        return NoBackend(f"No backend of the model {model!r} takes requests with the tags {', '.join(needs.tags)!r}.")


def _needs(ask: Ask) -> Needs:
    return Needs(ask.wishes.tags, ask.input_tokens, ask.stream)


def _reopening(standing: Standing) -> tuple[bool, float]:
    return standing.breaker.dead, standing.breaker.until


def _unavailable(ask: Ask, seconds: float) -> NoBackend:
    next_try = f"the next is tried in {seconds:.0f} s" if seconds >= 1 else "one is on trial"
    return NoBackend(
        f"Every backend of the model {ask.model!r} is out of rotation; {next_try}.",
        headers={"Retry-After": str(max(1, round(seconds)))},
    )


def _rate_limited(ask: Ask, seconds: float) -> BackendsRateLimited:
    return BackendsRateLimited(
        f"Every backend of the model {ask.model!r} takes no more requests for {seconds:.0f} s.",
        headers={"Retry-After": str(max(1, round(seconds)))},
    )
