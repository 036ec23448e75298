"""The accounts that one caller's requests go through, for as long as their windows last."""

from dataclasses import dataclass

from lumina_contracts.snapshot import Limits
from lumina_inference.gateway.index import Caller
from lumina_inference.gateway.limits.accounts import Account
from lumina_inference.gateway.limits.pricing import Estimate
from lumina_inference.gateway.limits.registry import Registry
from lumina_inference.gateway.limits.windows import Window, window


@dataclass(frozen=True, slots=True)
class Desk:
    """`limited` are those of the others that have a limit; money is counted without one, too."""

    caller: Caller
    begins: int
    ends: int
    day: int
    requests: tuple[Account, ...]
    tokens: tuple[Account, ...]
    money: tuple[Account, ...]
    limited: tuple[Account, ...]

    def reserve(self, estimate: Estimate) -> bool | None:
        """Take the estimate everywhere, if every account has something free. None if not; True if one now runs low.

        A request counts at once; its tokens and its money when it is settled.
        """
        for account in self.limited:
            if account.leased - account.reserved - account.used <= 0:
                return None
        for account in self.requests:
            account.used += 1
        self.change(estimate.tokens, estimate.cost_nano_usd)
        for account in self.limited:
            if account.left > 0 and account.leased - account.reserved - account.used < account.low:
                return True
        return False

    def change(self, tokens: int, cost_nano_usd: int) -> None:
        """Reserve more, or less."""
        for account in self.tokens:
            account.reserved += tokens
        for account in self.money:
            account.reserved += cost_nano_usd

    def use(self, tokens: int, cost_nano_usd: int) -> None:
        """Count what was really used."""
        for account in self.tokens:
            account.used += tokens
        for account in self.money:
            account.used += cost_nano_usd

    def short(self) -> list[Account]:
        """The accounts with nothing free."""
        return [account for account in self.limited if account.free <= 0]


def open_desk(registry: Registry, caller: Caller, now: float) -> Desk:
    """The desk of a caller in the windows of this moment."""
    requests, tokens, money = [], [], []
    minute, day = window("minute", now), window("day", now)
    for subject, limits in _subjects(caller):
        if limits.requests_per_minute is not None:
            requests.append(registry.open(subject, "requests", minute, limits.requests_per_minute))
        if limits.tokens_per_minute is not None:
            tokens.append(registry.open(subject, "tokens", minute, limits.tokens_per_minute))
        money.append(registry.open(subject, "nano_usd", _budget_window(limits, day, now), limits.budget_nano_usd))
    limited = (*requests, *tokens, *(account for account in money if account.limit is not None))
    return Desk(caller, minute.begins, minute.ends, day.begins, tuple(requests), tuple(tokens), tuple(money), limited)


def _subjects(caller: Caller) -> tuple[tuple[str, Limits], tuple[str, Limits]]:
    key = caller.key
    return (f"key:{key.id}", key.limits), (f"project:{key.project_id}", caller.project_limits)


def _budget_window(limits: Limits, day: Window, now: float) -> Window:
    return day if limits.budget_period == "day" else window("month", now)
