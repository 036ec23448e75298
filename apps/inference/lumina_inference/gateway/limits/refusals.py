"""What a caller is told when a limit stands in the way, and in the headers of good answers."""

import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from lumina_inference.gateway.errors import ApiError
from lumina_inference.gateway.limits.accounts import Account
from lumina_inference.gateway.limits.errors import BudgetReserved, BudgetSpent, LimitsUnavailable, RateLimited

Header = tuple[str, str]
_NANO = 10**9


def refusal(account: Account, now: float, headers: Iterable[Header]) -> ApiError:
    """The error for a request that this account does not admit."""
    if account.counter.unit != "nano_usd":
        return _rate_limited(account, now, headers)
    if account.exhausted:
        return _spent(account, now)
    if not account.known and not account.alone:
        return LimitsUnavailable(
            f"What {_who(account)} has spent cannot be read at the moment; try again.", headers={"Retry-After": "1"}
        )
    return _reserved(account)


def rate_headers(requests: Sequence[Account], tokens: Sequence[Account], now: float) -> list[Header]:
    """`x-ratelimit-*` of the account that has least left, by unit."""
    return _rate("requests", requests, now) + _rate("tokens", tokens, now)


def _rate(unit: str, accounts: Sequence[Account], now: float) -> list[Header]:
    if not accounts:
        return []
    remaining, limit, ends = min((account.remaining, account.limit or 0, account.counter.ends) for account in accounts)
    return [
        (f"x-ratelimit-limit-{unit}", str(limit)),
        (f"x-ratelimit-remaining-{unit}", str(remaining)),
        (f"x-ratelimit-reset-{unit}", _duration(max(1, math.ceil(ends - now)))),
    ]


def usd(nano_usd: int) -> str:
    """All the digits that it has, and at least cents."""
    whole, rest = divmod(nano_usd, _NANO)
    digits = f"{rest:09d}".rstrip("0")
    return f"{whole}.{digits:0<2} USD"


def _rate_limited(account: Account, now: float, headers: Iterable[Header]) -> RateLimited:
    seconds = _until_reset(account, now) if account.exhausted else 1
    return RateLimited(
        f"Rate limit reached for {_who(account)}: {account.limit} {account.counter.unit} per minute."
        f" Try again in {seconds} s.",
        headers={"Retry-After": str(seconds), **dict(headers)},
    )


def _spent(account: Account, now: float) -> BudgetSpent:
    resets = datetime.fromtimestamp(account.counter.ends, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return BudgetSpent(
        f"Budget exceeded: {_who(account)} has spent {usd(account.spent)} of {usd(account.limit or 0)} for this UTC"
        f" {_period(account)}; the budget starts anew at {resets}.",
        headers={"Retry-After": str(_until_reset(account, now)), "x-should-retry": "false"},
    )


def _reserved(account: Account) -> BudgetReserved:
    return BudgetReserved(
        f"What is left of the budget of {_who(account)}, {usd(account.limit or 0)} for this UTC {_period(account)} with"
        f" {usd(account.spent)} spent, is reserved by requests in flight; try again.",
        headers={"Retry-After": "1"},
    )


def _who(account: Account) -> str:
    kind, _, name = account.counter.subject.partition(":")
    return f"the {kind} {name}"


def _period(account: Account) -> str:
    return "day" if account.counter.ends - account.counter.begins <= 86_400 else "month"


def _until_reset(account: Account, now: float) -> int:
    return max(1, math.ceil(account.counter.ends - now))


def _duration(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
