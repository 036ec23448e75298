"""A circuit breaker: whether a backend gets requests, judged by how it answered the last ones."""

from typing import Literal

State = Literal["closed", "open", "half_open"]

_GROWTH = 3.0
_TRIAL_SECONDS = 3.0
LONGEST_SECONDS = 45.0
_SAMPLE_SECONDS = 10.0
_LEAST_SAMPLE = 10
_WORST_SHARE = 0.5


class Breaker:
    """Opens after more failures in a row than are allowed, or when half of the last calls failed.

    While it is open the backend gets nothing. When its time is up, one request at a time is let through on trial, and
    another one every three seconds, lest a long answer keep all others out: a success closes the breaker, a failure
    opens it for three times as long, up to 45 s. A dead backend waits for a free probe to succeed before any trial.
    Times are in seconds of one monotonic clock.
    """

    __slots__ = (
        "_bad",
        "_good",
        "_openings",
        "_sampled_at",
        "_trials",
        "_tried_at",
        "dead",
        "fails",
        "reason",
        "until",
    )

    def __init__(self) -> None:
        self.fails = 0
        self.reason: str | None = None
        self.until = 0.0
        self.dead = False
        self._openings = 0
        self._trials = 0
        self._tried_at = 0.0
        self._good = self._bad = 0
        self._sampled_at = 0.0

    def state(self, now: float) -> State:
        if self.reason is None:
            return "closed"
        return "open" if self.dead or now < self.until else "half_open"

    def admits(self, now: float) -> bool:
        """Whether a request may go there: always when closed, one at a time when half open."""
        if self.reason is None:
            return True
        if self.dead or now < self.until:
            return False
        return self._trials == 0 or now - self._tried_at >= _TRIAL_SECONDS

    def enter(self, now: float) -> bool:
        """A request goes there. Gives whether it is a trial; a trial must `leave`."""
        if self.reason is None:
            return False
        self._trials += 1
        self._tried_at = now
        return True

    def leave(self) -> None:
        self._trials -= 1

    def succeeded(self, now: float, *, closes: bool = True) -> None:
        self._sample(now)
        self._good += 1
        self.fails = 0
        if closes and self.reason is not None:
            self.close()

    def failed(self, now: float, reason: str, allowed: int, seconds: float) -> None:
        """One call failed; `seconds` is how long the circuit opens for at first."""
        self._sample(now)
        self._bad += 1
        self.fails += 1
        if self.reason is not None or self.fails > allowed or self._mostly_fails():
            self.open(now, reason, seconds)

    def open(self, now: float, reason: str, seconds: float, *, dead: bool = False) -> None:
        """Take the backend out of rotation. One that is out already stays at least as long."""
        if self.reason is not None and now < self.until and not dead:
            return  # the calls that were under way when it opened say nothing new
        longest = max(LONGEST_SECONDS, seconds)
        self.until = max(self.until, now + min(longest, seconds * _GROWTH**self._openings))
        self._openings = min(self._openings + 1, 10)
        self.reason = reason
        self.dead = self.dead or dead

    def rest(self, now: float, reason: str, seconds: float) -> None:
        """Out of rotation for exactly this long, as the backend itself asked."""
        self.until = max(self.until, now + seconds)
        self.reason = reason

    def revive(self, now: float) -> None:
        """A probe has succeeded where probes had failed: a trial may follow at once."""
        self.dead = False
        self.until = min(self.until, now)

    def close(self) -> None:
        self.reason, self.until, self.dead = None, 0.0, False
        self.fails = self._openings = self._good = self._bad = 0

    def _mostly_fails(self) -> bool:
        calls = self._good + self._bad
        return calls >= _LEAST_SAMPLE and self._bad >= _WORST_SHARE * calls

    def _sample(self, now: float) -> None:
        if now - self._sampled_at > _SAMPLE_SECONDS:
            self._good, self._bad, self._sampled_at = self._good // 2, self._bad // 2, now
