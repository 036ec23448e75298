"""When a new series of Lumina's own was certainly 0: at the report before the one that brings it."""

from dataclasses import dataclass

from lumina_telemetry.intake.labels import Labels

RECENT_NS = 300 * 10**9
"""A process whose first report comes so soon after its start has not been reported to anyone before."""
_MOST_INSTANCES = 10_000


@dataclass
class _Reports:
    """The times of the last report, and of the one before; a report may come in several requests."""

    last_ns: int = 0
    before_ns: int = 0

    def note(self, time_ns: int) -> None:
        if time_ns > self.last_ns:
            self.before_ns, self.last_ns = self.last_ns, time_ns


class Births:
    """Remembers when each instance reported."""

    def __init__(self) -> None:
        self._reports: dict[Labels, _Reports] = {}

    def zero_ns(self, instance: Labels, start_ns: int, time_ns: int) -> int:
        """When a series was 0 that is new in the report of this time; 0: that is not known.

        It was not there when its instance reported before, nor when its process started, whichever was later. A process
        that has never reported may have been counting for long, unless it has just started.
        """
        if instance not in self._reports and len(self._reports) >= _MOST_INSTANCES:
            self._reports.clear()
        reports = self._reports.setdefault(instance, _Reports())
        reports.note(time_ns)
        started_ns = start_ns if reports.before_ns or time_ns - start_ns <= RECENT_NS else 0
        zero_ns = max(reports.before_ns, started_ns)
        return zero_ns if zero_ns < time_ns else 0
