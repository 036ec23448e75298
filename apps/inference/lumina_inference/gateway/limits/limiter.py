"""Who may still ask: reservations against leases that this process holds, and what was spent."""

import asyncio
from typing import Self

from lumina_contracts.snapshot import Period
from lumina_inference.gateway.errors import ApiError
from lumina_inference.gateway.index import Caller
from lumina_inference.gateway.limits.accounts import Account
from lumina_inference.gateway.limits.book import Book
from lumina_inference.gateway.limits.desk import Desk, open_desk
from lumina_inference.gateway.limits.exchange import Exchange
from lumina_inference.gateway.limits.pricing import Estimate
from lumina_inference.gateway.limits.refusals import Header, rate_headers, refusal
from lumina_inference.gateway.limits.registry import Registry
from lumina_inference.gateway.limits.store import MOST, Counter, Sale, Store, Sum
from lumina_inference.gateway.limits.windows import window
from lumina_kit import logs
from lumina_kit.clock import Clock, utc_now

_log = logs.get(__name__)
_ROUNDS = 8


class Limiter:
    """Admits requests within the limits of their key and its project; an async context that owns its store."""

    def __init__(self, store: Store, now: Clock = utc_now, flush_seconds: float = 1.0) -> None:
        self._store = store
        self._now = now
        self._registry = Registry()
        self._book = Book()
        self._exchange = Exchange(store, self._registry, self._book, now, flush_seconds)
        self._desks: dict[str, Desk] = {}
        self._desks_end = 0
        self.open_reservations = 0
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self._store.__aenter__()
        self._task = asyncio.create_task(self._exchange.run())
        return self

    async def __aexit__(self, *failure: object) -> None:
        """Report all that was used, and give the leases back."""
        self._exchange.stop()
        try:
            if self._task is not None:
                await self._task
            if self._exchange.down:
                _log.error("the gateway ends with spend that the store of the limits has not got", **self._book.total())
        finally:
            await self._store.__aexit__(*failure)

    def admit_now(self, caller: Caller, estimate: Estimate) -> "Reservation | None":
        """A reservation out of what is on lease; None if the store must be asked first, which `admit` does."""
        desk = self._desk(caller)
        runs_low = desk.reserve(estimate)
        if runs_low is None:
            return None
        self._registry.touched.update(desk.requests)
        if runs_low:
            self._registry.touched.update(desk.limited)
            self._exchange.soon()
        return Reservation(self, desk, estimate)

    async def admit(self, caller: Caller, estimate: Estimate) -> "Reservation":
        """A reservation. Raises RateLimited, BudgetSpent, BudgetReserved, or LimitsUnavailable."""
        short: list[Account] = []
        for _ in range(_ROUNDS):
            reservation = self.admit_now(caller, estimate)
            if reservation is not None:
                return reservation
            short = self._desk(caller).short()
            self._registry.touched.update(short)  # also where it is refused: what is known of it stays fresh
            self._refuse(caller, [account for account in short if account.exhausted])
            await self._lend(short, estimate)
            self._refuse(caller, [account for account in short if account.free <= 0 and not self._may_get(account)])
        raise self._refusal(caller, (short or self._desk(caller).limited)[0])  # others were faster each time

    def spent(self, subject: str) -> int | None:
        """What a subject, `key:<id>` or `project:<id>`, has spent in its current window, in nano-USD.

        As this process knows it: its own spend, and that of others up to its last exchange. None if it has not seen
        the subject in this window.
        """
        account = self._registry.money(subject)
        if account is None or account.counter.ends <= self._now().timestamp():
            return None
        return account.spent

    async def reported(self, subject: str, period: Period = "month") -> int:
        """What all processes have reported for a subject in the current UTC day or month. Raises StoreUnavailable."""
        span = window(period, self._now().timestamp())
        return await self._store.settled(Counter(subject, "nano_usd", *span))

    async def sales(self, day: int) -> dict[Sale, Sum]:
        """What was sold since the UTC day that began at this Unix second. Raises StoreUnavailable."""
        return await self._store.sales(day)

    def book(self, desk: Desk, tokens: int, cost_nano_usd: int, route: str, backend: str) -> None:
        """Count what a request really used."""
        tokens, cost_nano_usd = _sane(tokens), _sane(cost_nano_usd)
        desk.use(tokens, cost_nano_usd)
        key = desk.caller.key
        self._book.add(Sale(desk.day, key.id, key.project_id, route, backend), tokens, cost_nano_usd)
        self._registry.touched.update(desk.tokens, desk.money)

    def headers(self, desk: Desk) -> list[Header]:
        """`x-ratelimit-*`, where there are such limits."""
        if not desk.requests and not desk.tokens:
            return []
        return rate_headers(desk.requests, desk.tokens, self._now().timestamp())

    def _desk(self, caller: Caller) -> Desk:
        now = self._now().timestamp()
        desk = self._desks.get(caller.key.sha256)
        if desk is None or desk.caller is not caller or not desk.begins <= now < desk.ends:
            self._forget_desks(now)
            desk = self._desks[caller.key.sha256] = open_desk(self._registry, caller, now)
        return desk

    def _forget_desks(self, now: float) -> None:
        if now >= self._desks_end:
            self._desks = {name: desk for name, desk in self._desks.items() if now < desk.ends}
            self._desks_end = window("minute", now).ends

    async def _lend(self, short: list[Account], estimate: Estimate) -> None:
        for account in short:
            account.wanted += max(1, estimate.amount(account.counter.unit))
        if not self._exchange.down:
            await self._exchange.once()
        if self._exchange.down:
            for account in short:
                self._exchange.lend_alone(account)

    def _may_get(self, account: Account) -> bool:
        return account.left > 0 and not self._exchange.down

    def _refuse(self, caller: Caller, accounts: list[Account]) -> None:
        if accounts:
            raise self._refusal(caller, accounts[0])

    def _refusal(self, caller: Caller, account: Account) -> ApiError:
        return refusal(account, self._now().timestamp(), self.headers(self._desk(caller)))


def _sane(amount: int) -> int:
    """A provider may claim any usage: none gives money back, and none breaks the sums."""
    return min(max(amount, 0), MOST)


class Reservation:
    """What a request in flight has reserved. It ends with `settle` or `release`."""

    __slots__ = ("_cost_nano_usd", "_desk", "_limiter", "_open", "_tokens")

    def __init__(self, limiter: Limiter, desk: Desk, estimate: Estimate) -> None:
        self._limiter = limiter
        self._desk = desk
        self._tokens = estimate.tokens
        self._cost_nano_usd = estimate.cost_nano_usd
        self._open = True
        limiter.open_reservations += 1

    def settle(self, tokens: int, cost_nano_usd: int, *, route: str = "", backend: str = "") -> None:
        """Put what was really used in the place of the estimate, once."""
        if not self._open:
            raise RuntimeError("The reservation was settled or released before.")
        self.release()
        self._limiter.book(self._desk, tokens, cost_nano_usd, route, backend)

    def extend(self, estimate: Estimate) -> None:
        """Reserve this much more: the request outgrows its estimate."""
        if self._open:
            self._tokens += estimate.tokens
            self._cost_nano_usd += estimate.cost_nano_usd
            self._desk.change(estimate.tokens, estimate.cost_nano_usd)

    def release(self) -> None:
        """Nothing was served and nothing is billed, but the request has been made. Harmless when it is over."""
        if self._open:
            self._open = False
            self._limiter.open_reservations -= 1
            self._desk.change(-self._tokens, -self._cost_nano_usd)

    def headers(self) -> list[Header]:
        """`x-ratelimit-*` for the answer, where there are such limits."""
        return self._limiter.headers(self._desk)
