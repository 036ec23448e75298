"""A request until it is answered: other backends of its route, the same one again, then the route's fallbacks."""

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
from lumina_inference.gateway.failures import Failure, conduct, failure_of, retried_all_the_same, retry_after, tolerated
from lumina_inference.gateway.index import Choices, Target
from lumina_inference.gateway.settings import GatewaySettings

_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 8.0
_JITTER = 0.5
_SOON = {"Retry-After": "1"}
_SHOULD_RETRY, _NEVER = "x-should-retry", "false"

Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True)
class Failover:
    """Answers requests by whatever backend can."""

    settings: GatewaySettings
    backends: Backends
    chooser: Chooser
    draw: Draw
    sleep: Sleep = asyncio.sleep

    async def answer(self, call: Call, ask: Ask, choices: Choices) -> StreamResponse:
        """The answer, from the route itself or one of its fallbacks. Raises the error of the route itself."""
        deadline = self.chooser.standings.now() + self.settings.total_timeout_seconds
        try:
            return await Pursuit(self, call, ask, choices, deadline).run()
        except ApiError as error:
            return await self._fall_back(call, ask, choices, deadline, error)

    async def _fall_back(
        self, call: Call, ask: Ask, choices: Choices, deadline: float, first: ApiError
    ) -> StreamResponse:
        asked_target, error = call.target, first
        waiting, seen = _fallbacks(ask, choices, first), {choices.route.name}
        while waiting and call.fallbacks < choices.route.policy.max_fallbacks and self.left(deadline) > _FIRST_PAUSE:
            found = _found(call, ask, waiting.pop(0))
            if found is None or found.route.name in seen or ask.operation.kind not in found.route.kinds:
                continue
            seen.add(found.route.name)
            call.fallbacks += 1
            call.choices = found
            try:
                return await Pursuit(self, call, ask, found, deadline).run()
            except ApiError as next_error:
                error = next_error
                waiting += [name for name in _fallbacks(ask, found, error) if name not in waiting]
        call.choices, call.target = choices, asked_target
        raise _final(first)

    def left(self, deadline: float) -> float:
        """Seconds until then; never none at all, which would be no limit."""
        return max(deadline - self.chooser.standings.now(), 0.001)


class Pursuit(Struct, eq=False):
    """One request on one route."""

    failover: Failover
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
                self.on_trial = self.failover.chooser.standings.of(target).breaker.reason is not None
            try:
                return await self._attempt(target, policy)
            except ApiError as error:
                self._failed(target, error, policy)

    async def _attempt(self, target: Target, policy: Policy) -> StreamResponse:
        backends = self.failover.backends
        return await backends.ask(self.call, self.ask, target, policy, self._left())

    def _left(self) -> float:
        return self.failover.left(self.deadline)

    def _failed(self, target: Target, error: ApiError, policy: Policy) -> None:
        """Raises the error if nothing more may be tried on this route."""
        failure = failure_of(error)
        self.call.failed_attempts.append(FailedAttempt.of(target, failure))
        earlier, self.last = self.last, error
        self.tried.append(target)
        wishes, backend = self.ask.wishes, target.backend
        general = policy.num_retries if backend.num_retries is None else backend.num_retries
        allowed = tolerated(policy.retry_policy, error, general) if wishes.num_retries is None else wishes.num_retries
        self.call.max_retries = allowed
        if failure is Failure.BAD_REQUEST and earlier is not None:
            raise earlier  # what only this backend refuses, as prefill, must not mask why it was asked
        useful = conduct(failure).elsewhere or retried_all_the_same(policy.retry_policy, error)
        if not useful or len(self.tried) > allowed or self._left() < _FIRST_PAUSE:
            raise error

    async def _next(self, policy: Policy) -> Target:
        """The backend for the next attempt, after the pause that is due before it."""
        chooser, needs = self.failover.chooser, _needs(self.ask)
        target = chooser.choose(self.choices.targets, policy, needs, self.tried)
        if target is not None and target not in self.tried:
            return target
        if self.last is not None:
            return await self._again(policy, needs, self.last, self.tried[-1] if target is None else target)
        return await self._reopened(policy, needs)

    async def _again(self, policy: Policy, needs: Needs, last: ApiError, target: Target) -> Target:
        """The same backend once more, if that makes sense and what it asked us to wait is not too long."""
        pause = self._pause(policy, last)
        breaker = self.failover.chooser.standings.of(target).breaker
        again = conduct(failure_of(last)).again or retried_all_the_same(policy.retry_policy, last)
        again = again and last.headers.get(_SHOULD_RETRY) != _NEVER and not self._in_vain(policy, last, breaker)
        if not again or pause is None or pause >= self._left():
            raise last
        await self.failover.sleep(pause)
        return target if retry_after(last.headers) is None else await self._let_in(policy, needs, target, last)

    def _in_vain(self, policy: Policy, last: ApiError, breaker: Breaker) -> bool:
        """The circuit is open: a failed trial has told enough, and so has any failure if a fallback can answer."""
        if breaker.reason is None or breaker.dead:
            return breaker.dead
        if breaker.reason == Failure.RATE_LIMITED:
            return self.on_trial and retry_after(last.headers) is None
        return self.on_trial or bool(policy.fallbacks)

    async def _let_in(self, policy: Policy, needs: Needs, target: Target, last: ApiError) -> Target:
        """After a pause that a backend asked for, all who waited are let in one by one until one of them is answered.

        Raises `last` if the backend wants another pause meanwhile, it takes too long, or a fallback can answer.
        """
        chooser, standing = self.failover.chooser, self.failover.chooser.standings.of(target)
        give_up = min(self.deadline, chooser.standings.now() + self.failover.settings.longest_retry_after_seconds)
        while (found := chooser.choose(self.choices.targets, policy, needs, self.tried)) is None:
            now = chooser.standings.now()
            waits = standing.breaker.reason is not None and standing.breaker.until <= now < give_up
            if policy.fallbacks or not waits:
                raise last
            await self.failover.sleep(_FIRST_PAUSE * (1 - _JITTER * self.failover.draw()))
        return found

    def _pause(self, policy: Policy, last: ApiError) -> float | None:
        """Seconds; None if the backend asked for too long a wait, or for another one after we have waited."""
        asked = retry_after(last.headers)
        if asked is not None:
            if self.honoured or asked > self.failover.settings.longest_retry_after_seconds:
                return None
            self.honoured = True
            return asked + _FIRST_PAUSE * self.failover.draw()
        growing = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** len(self.tried))
        return max(policy.retry_after_seconds, growing * (1 - _JITTER * self.failover.draw()))

    async def _reopened(self, policy: Policy, needs: Needs) -> Target:
        """All are out of rotation. Backends that only asked for a pause are waited for, if nobody else can answer."""
        able = fitting(self.choices.targets, policy, needs)
        if not able:
            raise self._unfit(policy, needs)
        standings = self.failover.chooser.standings
        now = standings.now()
        soonest = min((standings.of(target) for target in able), key=lambda standing: standing.breaker.until)
        seconds = max(0.0, soonest.breaker.until - now)
        if soonest.breaker.reason is None:
            raise BackendsRateLimited(f"The model {self.ask.model!r} serves as many requests as it may.", headers=_SOON)
        if soonest.breaker.reason != Failure.RATE_LIMITED:
            raise _unavailable(self.ask, seconds)
        longest = min(self.failover.settings.longest_retry_after_seconds, self._left())
        if self.honoured or policy.fallbacks or seconds > longest:
            raise _rate_limited(self.ask, seconds)
        self.honoured = True
        await self.failover.sleep(seconds + _FIRST_PAUSE * self.failover.draw())
        return await self._let_in(policy, needs, soonest.target, _rate_limited(self.ask, 1))

    def _unfit(self, policy: Policy, needs: Needs) -> ApiError:
        model = self.ask.model
        if fitting(self.choices.targets, policy, replace(needs, tokens=0)):
            return PromptTooLong(f"The prompt has about {needs.tokens} tokens: too many for the model {model!r}.")
        return NoBackend(f"No backend of the model {model!r} takes requests with the tags {', '.join(needs.tags)!r}.")


def _needs(ask: Ask) -> Needs:
    return Needs(ask.wishes.tags, ask.input_tokens, ask.stream)


def _found(call: Call, ask: Ask, name: str) -> Choices | None:
    """A fallback's route; one that the caller names itself must be one that the caller may use."""
    found = call.index.find(name) if call.index is not None else None
    if found is None or ask.wishes.fallbacks is None or call.caller is None:
        return found
    return found if call.caller.may_use(name, found.route.name) else None


def _fallbacks(ask: Ask, choices: Choices, error: ApiError) -> list[str]:
    """Routes that may do what this one could not. A refusal for its content goes only where the operator sends it."""
    policy, wished = choices.route.policy, ask.wishes.fallbacks
    if wished == ():
        return []
    failure = None if isinstance(error, NoBackend | BackendsRateLimited) else failure_of(error)
    if failure is Failure.CONTENT_POLICY:
        return list(policy.content_policy_fallbacks)
    if failure is Failure.CONTEXT_WINDOW and policy.context_window_fallbacks:
        return list(policy.context_window_fallbacks)
    if failure is not None and not conduct(failure).fallback:
        return []
    return list(policy.fallbacks if wished is None else wished)


def _final(error: ApiError) -> ApiError:
    """Tells the caller's SDK not to multiply our retries; it does so on its own for what it could not mend."""
    if error.http_status in {408, 409, 429} or error.http_status >= 500 or _SHOULD_RETRY in error.headers:
        error.headers = {**error.headers, _SHOULD_RETRY: _NEVER}
    return error


def _unavailable(ask: Ask, seconds: float) -> NoBackend:
    return NoBackend(
        f"Every backend of the model {ask.model!r} is out of rotation; the next is tried in {seconds:.0f} s.",
        headers={"Retry-After": str(max(1, round(seconds)))},
    )


def _rate_limited(ask: Ask, seconds: float) -> BackendsRateLimited:
    return BackendsRateLimited(
        f"Every backend of the model {ask.model!r} takes no more requests for {seconds:.0f} s.",
        headers={"Retry-After": str(max(1, round(seconds)))},
    )
