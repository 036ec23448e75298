"""One counter as this process sees it: what it has on lease, what is reserved of that, and what was used."""

from dataclasses import dataclass

from lumina_inference.gateway.limits.store import Counter, Line, Standing


@dataclass(slots=True, eq=False)
class Account:
    """Amounts in the counter's unit. `used` is not yet confirmed by the store; `sent` of it is on the way there.

    Without a limit nothing is leased, and usage is counted all the same. `known`: the store has been heard of it;
    `alone`: the store is away, and this process has taken its own share.
    """

    counter: Counter
    limit: int | None
    leased: int = 0
    reserved: int = 0
    used: int = 0
    sent: int = 0
    wanted: int = 0
    settled: int = 0
    left: int = 0
    low: int = 0
    known: bool = False
    alone: bool = False

    @property
    def free(self) -> int:
        return self.leased - self.reserved - self.used

    @property
    def spent(self) -> int:
        """What all processes have used, as far as this one knows."""
        return self.settled + self.used

    @property
    def exhausted(self) -> bool:
        return self.limit is not None and self.spent >= self.limit

    @property
    def remaining(self) -> int:
        return max(0, self.left + self.free)

    @property
    def runs_low(self) -> bool:
        """It is time to ask for more, before somebody has to wait for it."""
        return self.left > 0 and self.free < self.low

    @property
    def idle(self) -> bool:
        return not (self.used or self.reserved or self.wanted)

    def limit_to(self, limit: int | None) -> None:
        """A new limit holds at once: what was lent under the old one is not used any further."""
        self.limit = limit
        self.leased = 0 if limit is None else min(self.leased, self.reserved + self.used)
        self.left = 0 if limit is None else max(0, limit - self.settled - self.leased)

    def freeze(self) -> None:
        """What is used up to now is what the next report carries, however often it has to be sent."""
        self.sent = self.used

    def line(self, owners: int) -> Line:
        """What to report. A surplus is given up here: from now on it may be another's."""
        self.leased -= self._surplus(owners)
        held = max(0, self.leased - self.sent)
        wanted, self.wanted = self.wanted, 0
        if wanted:
            wanted += max(0, self.reserved + self.used - self.sent - held)
        elif self.runs_low:
            wanted = 1
        return Line(self.counter, self.limit, self.sent, held, wanted)

    def confirm(self, line: Line, standing: Standing) -> None:
        """Take over what the store answered to a line."""
        self.used -= self.sent
        self.sent = 0
        self.known, self.alone = True, False
        self.settled = standing.settled
        if line.limit != self.limit:  # it changed on the way: what was lent under the old one is not used
            self.leased = min(standing.leased, self.reserved + self.used)
            self.left = 0 if self.limit is None else max(0, self.limit - self.settled - self.leased)
            return
        self.leased, self.left = standing.leased, standing.left
        if line.wanted:
            self.low = max(1, self.free // 4)

    def lend_alone(self, owners: int, *, trusted: bool) -> None:
        """The store is away: take this process's share of what was last known to be left, once.

        What nobody has heard of is lent only if that can be trusted to be unspent.
        """
        self.wanted = 0
        if self.limit is None or self.alone or not (self.known or trusted):
            return
        self.alone = True
        self.leased += (self.left if self.known else max(0, self.limit)) // max(1, owners)
        self.left = 0

    def _surplus(self, owners: int) -> int:
        """With others about, what goes beyond twice the share that is due goes back."""
        if owners < 2 or self.wanted or not self.known or self.alone:
            return 0
        free = max(0, self.free)
        share = (self.left + free) // (owners + 1)
        return free - share if free > 2 * share else 0
