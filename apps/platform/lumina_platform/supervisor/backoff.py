"""How long to wait before a failed process is started again."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Backoff:
    """At once after the first failure, then doubling; a process that was ready for `healthy` seconds starts afresh."""

    first: float = 0.5
    longest: float = 30.0
    healthy: float = 10.0

    def failures(self, before: int, ready_seconds: float) -> int:
        """Failures in a row, counting one that came after `ready_seconds` of service."""
        return 1 if ready_seconds >= self.healthy else before + 1

    def delay(self, failures: int) -> float:
        """Seconds to wait after so many failures in a row."""
        if failures <= 1:
            return 0.0
        return min(self.longest, self.first * 2.0 ** min(failures - 2, 30))
