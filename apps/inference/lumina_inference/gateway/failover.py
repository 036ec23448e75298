"""A request until it is answered: by its own route, else by the route's fallbacks."""

from dataclasses import dataclass

from aiohttp.web import StreamResponse

from lumina_inference.gateway.asks import Ask
from lumina_inference.gateway.calls import Call
from lumina_inference.gateway.errors import ApiError, BackendsRateLimited, NoBackend
from lumina_inference.gateway.failures import SHOULD_RETRY, Failure, conduct, failure_of
from lumina_inference.gateway.index import Choices
from lumina_inference.gateway.pursuit import Means, Pursuit

_LEAST_SECONDS = 0.25


@dataclass(frozen=True)
class Failover:
    """Answers requests by whatever backend can."""

    means: Means

    async def answer(self, call: Call, ask: Ask, choices: Choices) -> StreamResponse:
        """The answer, from the route itself or one of its fallbacks. Raises the error of the route itself."""
        deadline = self.means.now() + self.means.settings.total_timeout_seconds
        try:
            return await Pursuit(self.means, call, ask, choices, deadline).run()
        except ApiError as error:
            return await self._fall_back(call, ask, choices, deadline, error)

    async def _fall_back(
        self, call: Call, ask: Ask, choices: Choices, deadline: float, first: ApiError
    ) -> StreamResponse:
        asked_target, error = call.target, first
        waiting, seen = _fallbacks(ask, choices, first), {choices.route.name}
        most, latest = choices.route.policy.max_fallbacks, deadline - _LEAST_SECONDS
        while waiting and call.fallbacks < most and self.means.now() < latest:
            found = _found(call, waiting.pop(0))
            if found is None or found.route.name in seen or ask.operation.kind not in found.route.kinds:
                continue
            seen.add(found.route.name)
            call.fallbacks += 1
            call.choices = found
            try:
                return await Pursuit(self.means, call, ask, found, deadline).run()
            except ApiError as next_error:
                error = next_error
                waiting += [name for name in _fallbacks(ask, found, error) if name not in waiting]
        call.choices, call.target = choices, asked_target
        raise _final(first)


def _found(call: Call, name: str) -> Choices | None:
    """A fallback's route, if the caller may use it: no fallback gives a key what its limits withhold."""
    found = call.index.find(name) if call.index is not None else None
    if found is None or call.caller is None:
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
    if error.http_status in {408, 409, 429} or error.http_status >= 500 or SHOULD_RETRY in error.headers:
        error.headers = {**error.headers, SHOULD_RETRY: "false"}
    return error
