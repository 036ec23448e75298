"""How often someone may try to sign in: buckets of tries that refill with time, in bounded memory."""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

from lumina_governance.errors import TooManySignIns
from lumina_kit.clock import Clock

REFILL = timedelta(minutes=5)
REMEMBERED = 10_000


@dataclass
class _Bucket:
    tries: float
    at: datetime


class Throttle:
    """Tries by name: `burst` at once, all back after five minutes. Beyond 10,000 names the oldest is forgotten."""

    def __init__(self, burst: int, now: Clock) -> None:
        self._burst = burst
        self._now = now
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, name: str) -> None:
        """Use one try. Raises TooManySignIns, with the time until the next."""
        bucket = self._filled(name)
        if bucket.tries < 1:
            wait = (1 - bucket.tries) * REFILL.total_seconds() / self._burst
            raise TooManySignIns(
                "Too many tries to sign in.", retry_after=wait, next_step=f"Wait {wait:.0f} seconds, then try again."
            )
        bucket.tries -= 1

    def forget(self, name: str) -> None:
        """Give all tries back: the right password was given."""
        self._buckets.pop(name, None)

    def __len__(self) -> int:
        return len(self._buckets)

    def _filled(self, name: str) -> _Bucket:
        now = self._now()
        bucket = self._buckets.pop(name, None) or _Bucket(self._burst, now)
        grown = (now - bucket.at) / REFILL * self._burst
        bucket.tries, bucket.at = min(self._burst, bucket.tries + max(grown, 0)), now
        self._buckets[name] = bucket
        if len(self._buckets) > REMEMBERED:
            self._buckets.popitem(last=False)
        return bucket
