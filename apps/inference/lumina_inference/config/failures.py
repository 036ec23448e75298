"""Retries, allowed failures and time-outs of `router_settings` and `litellm_settings`."""

from collections.abc import Mapping
from dataclasses import dataclass

from lumina_contracts.snapshot import Policy, Tolerance
from lumina_inference.config.fields import Fields
from lumina_inference.config.settings import Settings

_KINDS = {
    "BadRequestError": "bad_request",
    "AuthenticationError": "authentication",
    "TimeoutError": "timeout",
    "RateLimitError": "rate_limit",
    "ContentPolicyViolationError": "content_policy",
    "InternalServerError": "internal_server",
    "ServiceUnavailableError": "unavailable",
    "NotFoundError": "not_found",
}
RETRIES = "Retries"
FAILS = "AllowedFails"
_BY_ENDING = {RETRIES: _KINDS | {"Default": "default"}, FAILS: _KINDS | {"BadGatewayError": "bad_gateway"}}
_MOST_RETRIES = 100
_MOST_FAILS = 1_000_000
_MOST_SECONDS = 86_400.0
_DEFAULT = Policy()


@dataclass(frozen=True)
class Handling:
    """What every route does about failures, unless it says otherwise."""

    num_retries: int
    retry_policy: Tolerance
    retry_after_seconds: float
    timeout_seconds: float | None
    stream_timeout_seconds: float | None
    allowed_fails: int
    allowed_fails_policy: Tolerance
    cooldown_seconds: float
    cooldowns: bool


def read_handling(settings: Settings) -> Handling:
    """The settings of all routes; what is not said is as `Policy` has it."""
    router = settings.router
    retries, fails = _whole(settings, "num_retries", _MOST_RETRIES), _whole(settings, "allowed_fails", _MOST_FAILS)
    after = router.number("retry_after", least=0, most=_MOST_SECONDS)
    timeout = "timeout" if router.get("timeout") else "request_timeout"
    return Handling(
        num_retries=_DEFAULT.num_retries if retries is None else retries,
        retry_policy=tolerance(router, "retry_policy", RETRIES),
        retry_after_seconds=_DEFAULT.retry_after_seconds if after is None else after,
        timeout_seconds=_seconds(settings, timeout),
        stream_timeout_seconds=_seconds(settings, "stream_timeout"),
        allowed_fails=_DEFAULT.allowed_fails if fails is None else fails,
        allowed_fails_policy=tolerance(router, "allowed_fails_policy", FAILS),
        cooldown_seconds=settings.of("cooldown_time").number("cooldown_time", least=0, most=_MOST_SECONDS)
        or _DEFAULT.cooldown_seconds,
        cooldowns=not router.flag("disable_cooldowns"),
    )


def tolerance(section: Fields, name: str, ending: str) -> Tolerance:
    """A policy by kind of failure; its keys end with `Retries` or `AllowedFails`."""
    policy = section.section(name)
    most = _MOST_RETRIES if ending == RETRIES else _MOST_FAILS
    counts = {kind: policy.whole(f"{word}{ending}", least=0, most=most) for word, kind in _BY_ENDING[ending].items()}
    _report_rest(policy, ending)
    return Tolerance(**counts)


def by_route(router: Fields, known: Mapping[str, str]) -> dict[str, Tolerance]:
    """`model_group_retry_policy`, by route. `known` leads names to routes."""
    groups = router.section("model_group_retry_policy")
    for name, value in groups.values.items():
        if name not in known:
            groups.findings.warning(value.line, value.path, f"{name[:200]!r} is no model_name of this file")
    return {known[name]: tolerance(groups, name, RETRIES) for name in groups.values if name in known}


def _report_rest(policy: Fields, ending: str) -> None:
    named = {f"{word}{ending}" for word in _BY_ENDING[ending]}
    for name, value in policy.values.items():
        if name not in named:
            expected = ", ".join(sorted(named))
            policy.findings.error(value.line, value.path, f"names no kind of failure; those are {expected}")


def _whole(settings: Settings, name: str, most: int) -> int | None:
    return settings.of(name).whole(name, least=0, most=most)


def _seconds(settings: Settings, name: str) -> float | None:
    return settings.of(name).number(name, least=0.001, most=_MOST_SECONDS)
