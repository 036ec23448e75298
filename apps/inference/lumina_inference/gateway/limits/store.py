"""What all gateway processes share: what has been used, and what each of them has on lease."""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol, Self

Unit = Literal["requests", "tokens", "nano_usd"]


MOST = 2**53
"""The largest limit, and the most that one request can use, in any unit: what every store reckons exactly."""


class StoreUnavailable(Exception):
    """The store cannot be reached or written. What was reported is reported again, under the same number."""


class Counter(NamedTuple):
    """What is counted: a unit of a subject, `key:<id>` or `project:<id>`, in one window of Unix seconds."""

    subject: str
    unit: Unit
    begins: int
    ends: int


class Sale(NamedTuple):
    """What usage is booked under. `day` is the Unix second at which the UTC day began."""

    day: int
    key_id: str
    project_id: str
    route: str
    backend: str


class Sum(NamedTuple):
    """What was served and what it cost."""

    requests: int
    tokens: int
    nano_usd: int


@dataclass(frozen=True, slots=True)
class Line:
    """One counter in a report.

    `used` is added, but for money, which is counted from the sales. `held` is what this process keeps on lease,
    `wanted` what it needs beyond that. Without a limit there are no leases.
    """

    counter: Counter
    limit: int | None
    used: int = 0
    held: int = 0
    wanted: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """What one process tells the store. A number that was reported before adds nothing again."""

    number: int
    lines: tuple[Line, ...] = ()
    sales: dict[Sale, Sum] = field(default_factory=dict)


class Standing(NamedTuple):
    """A counter as the store has it: `settled` by all, `leased` to the one who asks, `left` for anybody."""

    settled: int
    leased: int
    left: int


@dataclass(frozen=True, slots=True)
class Answer:
    """Standings in the order of the lines, and how many processes share the store."""

    standings: tuple[Standing, ...]
    owners: int


class Store(Protocol):
    """An async context that belongs to one process: on leaving, its leases are given back."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *failure: object) -> None: ...

    async def exchange(self, report: Report) -> Answer:
        """Book what was used, free the leases of dead processes, lend. Raises StoreUnavailable."""

    async def settled(self, counter: Counter) -> int:
        """What all processes have reported, exactly. Raises StoreUnavailable."""

    async def sales(self, day: int) -> dict[Sale, Sum]:
        """What was sold on that day and since. Raises StoreUnavailable."""


def granted(room: int, line: Line, owners: int) -> tuple[int, int]:
    """How much of `room` (the limit, less what is settled and on lease to others) is kept, and added to that.

    The more processes, the smaller the share: one that starts finds something left, and near the end all leases are
    small.
    """
    room = max(0, room)
    held = min(line.held, room)
    if line.wanted <= 0:
        return held, 0
    left = room - held
    return held, min(left, max(line.wanted, left // (owners + 1)))
