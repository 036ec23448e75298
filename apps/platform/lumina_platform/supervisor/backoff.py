"""How long to wait before a failed process is started again."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Failures:
    """Failures in a row: of starts that never became ready, and of processes that ended after they were."""

    at_start: int = 0
    in_service: int = 0

    def __bool__(self) -> bool:
        return self.at_start + self.in_service > 0


@dataclass(frozen=True)
class Backoff:
    """At once after the first failure. Starts that fail again wait twice as long each time, up to `longest`.

    One that had been ready is missed by its callers, who wait meanwhile: its wait grows by `step`, up to `short`; after
    `healthy` seconds of service it begins anew.
    """

    first: float = 0.5
    longest: float = 30.0
    step: float = 0.1
    short: float = 1.0
    healthy: float = 10.0

    def failures(self, before: Failures, ready_seconds: float | None) -> Failures:
        """With one more: after so many seconds of service, or None if it never became ready."""
        if ready_seconds is None:
            return Failures(before.at_start + 1, before.in_service)
        return Failures(in_service=1 if ready_seconds >= self.healthy else before.in_service + 1)

    def delay(self, failures: Failures) -> float:
        """Seconds to wait after these failures."""
        if failures.at_start > 1:
            return min(self.longest, self.first * 2.0 ** min(failures.at_start - 2, 30))
        if failures.at_start == 1 or not failures:
            return 0.0
        return min(self.short, self.step * (failures.in_service - 1))
