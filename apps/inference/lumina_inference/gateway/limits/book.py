"""What was sold and is not yet in the store: bounded, and exact in money whatever happens to the store."""

from lumina_inference.gateway.limits.store import Sale, Sum

_MOST_ROWS = 10_000  # one report of them takes Redis a third of its time-out


class Book:
    """Sums by key, project, route, backend and UTC day.

    When the store has been away for so long that there are too many, new ones are no longer told apart by route and
    backend.
    """

    def __init__(self) -> None:
        self._open: dict[Sale, Sum] = {}
        self._frozen: dict[Sale, Sum] = {}

    def add(self, sale: Sale, tokens: int, nano_usd: int) -> None:
        if len(self._open) >= _MOST_ROWS and sale not in self._open:
            sale = sale._replace(route="", backend="")
        requests, more_tokens, more_nano_usd = self._open.get(sale, _NOTHING)
        self._open[sale] = Sum(requests + 1, more_tokens + tokens, more_nano_usd + nano_usd)

    def freeze(self) -> None:
        """What is in the book up to now is what the next report carries, however often it has to be sent."""
        self._frozen, self._open = self._open, {}

    @property
    def frozen(self) -> dict[Sale, Sum]:
        return self._frozen

    def confirm(self) -> None:
        self._frozen = {}

    def total(self) -> dict[str, int]:
        """What the store has not confirmed."""
        rows = [*self._frozen.values(), *self._open.values()]
        return {"requests": sum(row.requests for row in rows), "nano_usd": sum(row.nano_usd for row in rows)}


_NOTHING = Sum(0, 0, 0)
