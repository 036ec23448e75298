"""Callers as a gateway has them: so many requests a second, whatever it answers, some streams, and some who leave."""

import asyncio
import random
import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tools.drills import wire
from tools.drills.client import Answer, Client

_TICK_SECONDS = 0.01
_LONGEST_LEAVE_SECONDS = 0.1
_KEPT = 5000
_BEGUN = 200
_CODE = re.compile(rb'"code": ?"(\w+)"')


@dataclass(frozen=True)
class Mix:
    """What callers ask for; the shares are between 0 and 1."""

    model: str
    tokens: int
    streams: float = 0.2
    leaving: float = 0.0
    fresh: float = 0.0  # on a connection of their own


@dataclass
class Tally:
    """What became of the requests: by outcome, and those that are no answer, up to some thousands."""

    outcomes: Counter[str] = field(default_factory=Counter)
    failures: list[Answer] = field(default_factory=list)
    slowest: float = 0.0

    def add(self, outcome: str, answer: Answer) -> None:
        self.outcomes[outcome] += 1
        if outcome == "answered":
            self.slowest = max(self.slowest, answer.seconds)
        elif len(self.failures) < _KEPT:
            self.failures.append(answer)

    @property
    def failed(self) -> int:
        """Requests without an answer, and those not sent as too many waited already."""
        return self.lost + self.outcomes["told"] + self.outcomes["held"]

    @property
    def lost(self) -> int:
        """Requests that have neither an answer nor an explicit error in a stream that had begun."""
        return self.outcomes["refused"] + self.outcomes["broken"]

    def told(self, most: int = 3) -> str:
        """The first failures, for people."""
        worst = sorted(self.failures, key=lambda one: one.status == _BEGUN)[:most]  # those that had not begun first
        return "; ".join(f"{one.status} after {one.seconds:.2f} s: {one.body[-300:]!r}" for one in worst)

    def kinds(self) -> Counter[str]:
        """How many failures of each kind, of those that were kept."""
        return Counter(f"{one.status} {_code(one)}" for one in self.failures)


def _code(answer: Answer) -> str:
    found = _CODE.findall(answer.body)
    return found[-1].decode() if found else "without a code"


class Callers:
    """Ask one gateway. `most` bounds the requests at once; what would be above it is counted as `held`."""

    def __init__(self, url: str, key: str, mix: Mix, *, most: int = 800, seed: int = 1) -> None:
        self.client, self.mix, self.tally = Client(url), mix, Tally()
        self._text = " ".join(wire.words(mix.tokens))
        self._requests = {stream: wire.request(key, mix.model, stream=stream) for stream in (False, True)}
        self._most, self._draw = most, random.Random(seed)
        self._asking: set[asyncio.Task[None]] = set()

    async def at_rate(self, per_second: float, going_on: Callable[[], bool]) -> None:
        """Ask at a rate for as long as `going_on` says, and return when the last request is over."""
        began, asked = time.monotonic(), 0
        while going_on():
            due = int((time.monotonic() - began) * per_second) - asked
            for _ in range(due):
                self._begin()
            asked += due
            await asyncio.sleep(_TICK_SECONDS)
        await self.finish()

    async def at_most(self, clients: int, seconds: float) -> float:
        """Ask again as soon as one is over; gives answers per second."""
        until = time.monotonic() + seconds

        async def again() -> None:
            while time.monotonic() < until:
                await self.ask()

        await asyncio.gather(*(again() for _ in range(clients)))
        return self.tally.outcomes["answered"] / seconds

    async def ask(self) -> None:
        """One request."""
        stream = self._draw.random() < self.mix.streams
        if self._draw.random() < self.mix.leaving:
            await self._ask_and_leave(self._requests[stream])
            return
        answer = await self.client.ask(self._requests[stream], fresh=self._draw.random() < self.mix.fresh)
        self.tally.add(answer.outcome(self._text), answer)

    async def finish(self) -> None:
        """Wait for what is under way, then close the connections."""
        if self._asking:
            await asyncio.gather(*self._asking)
        self.client.close()

    def _begin(self) -> None:
        if len(self._asking) >= self._most:
            self.tally.outcomes["held"] += 1
            return
        task = asyncio.ensure_future(self.ask())
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def _ask_and_leave(self, request: bytes) -> None:
        connection = await self.client.connect()
        answered = connection.ask(request)
        await asyncio.wait([answered], timeout=self._draw.random() * _LONGEST_LEAVE_SECONDS)
        connection.leave()
        self.tally.outcomes["left"] += 1
