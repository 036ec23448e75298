"""The accounts that this process has open."""

from collections.abc import Iterator

from lumina_inference.gateway.limits.accounts import Account
from lumina_inference.gateway.limits.store import MOST, Counter, Unit
from lumina_inference.gateway.limits.windows import Window, following

_AHEAD_SECONDS = 3
_LOOKED_OVER = 200


class Registry:
    """Opens, renews and forgets accounts; `touched` are those that have something to report."""

    def __init__(self) -> None:
        self._accounts: dict[Counter, Account] = {}
        self._money: dict[str, Account] = {}
        self._tour: Iterator[Account] = iter(())
        self.touched: set[Account] = set()

    def open(self, subject: str, unit: Unit, span: Window, limit: int | None) -> Account:
        """The account of a counter, with the limit that holds now."""
        counter = Counter(subject, unit, *span)
        limit = None if limit is None else min(limit, MOST)
        account = self._accounts.get(counter)
        if account is None:
            account = self._accounts[counter] = Account(counter, limit)
        elif account.limit != limit:
            account.limit_to(limit)
            self.touched.add(account)
        if unit == "nano_usd":
            self._money[subject] = account
        return account

    def money(self, subject: str) -> Account | None:
        """The account of what a subject has spent in the newest window that it was seen in."""
        return self._money.get(subject)

    def keep_house(self, now: float) -> None:
        """Ask ahead for the windows that begin in a moment, and forget those that are over."""
        for counter, account in list(self._accounts.items()):
            if counter.ends <= now:
                if account.idle:
                    self._forget(account)
            elif counter.ends - now <= _AHEAD_SECONDS:
                self._renew(account)

    def look_over(self) -> None:
        """Touch some of the accounts with a lease, in turns: others may need what is not used here."""
        for _ in range(_LOOKED_OVER):
            account = next(self._tour, None)
            if account is None:
                self._tour = iter([one for one in self._accounts.values() if one.leased])
                return
            self.touched.add(account)

    def _renew(self, account: Account) -> None:
        counter = account.counter
        if account.limit is None or not (account.spent or account.reserved):
            return
        span = following(Window(counter.begins, counter.ends))
        ahead = Counter(counter.subject, counter.unit, *span)
        if ahead not in self._accounts:
            renewed = self._accounts[ahead] = Account(ahead, account.limit, wanted=1)
            self.touched.add(renewed)

    def _forget(self, account: Account) -> None:
        del self._accounts[account.counter]
        self.touched.discard(account)
        if self._money.get(account.counter.subject) is account:
            del self._money[account.counter.subject]
