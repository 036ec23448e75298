"""PromQL written for those who ask for a rate, percentiles or the largest by a label."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from lumina_telemetry.errors import BadQuery

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]{0,255}")
_CONDITION = re.compile(r"([a-zA-Z_][a-zA-Z0-9_]{0,255})(=~|!~|!=|=)(.*)", re.DOTALL)
_LONGEST = 1000
HISTOGRAM = "histogram"
GAUGE = "gauge"


@dataclass(frozen=True)
class Question:
    """A metric of this kind, with conditions on labels (`route=chat`), by labels, over a window in seconds."""

    metric: str
    kind: str
    by: Sequence[str]
    where: Sequence[str]
    window_seconds: int

    def rate(self) -> str:
        """How much comes in a second; of a gauge, its average."""
        if self.kind == GAUGE:
            return f"avg{self._grouped()} ({self._selector()})"
        suffix = "_count" if self.kind == HISTOGRAM else ""
        return f"sum{self._grouped()} (rate({self._selector(suffix)}[{self.window_seconds}s]))"

    def percentile(self, percentile: float) -> str:
        """A percentile of a histogram, 0 to 100."""
        if self.kind != HISTOGRAM:
            raise BadQuery(
                f"{self.metric} is a {self.kind}, and only a histogram has percentiles.",
                next_step="Pick a metric of type histogram from /metrics.",
            )
        buckets = f"sum{self._grouped('le')} (rate({self._selector('_bucket')}[{self.window_seconds}s]))"
        return f"histogram_quantile({percentile / 100!r}, {buckets})"

    def top(self, count: int) -> str:
        """The largest."""
        return f"topk({count}, {self.rate()})"

    def _grouped(self, *more: str) -> str:
        names = [*(_checked(name) for name in self.by), *more]
        return f" by ({', '.join(names)})" if names else ""

    def _selector(self, suffix: str = "") -> str:
        return f"{_checked(self.metric)}{suffix}{{{', '.join(map(_matcher, self.where))}}}"


def selector(metric: str, kind: str) -> str:
    """All series of a metric; of a histogram its buckets."""
    return _checked(metric) + ("_bucket" if kind == HISTOGRAM else "")


def percentiles(text: str) -> list[float]:
    """Comma-separated percentiles."""
    try:
        found = [float(each) for each in text.split(",")][:10]
    except ValueError:
        found = []
    if not found or not all(0 <= each <= 100 for each in found):
        raise BadQuery(f"{text[:60]!r} are no percentiles.", next_step="Give such as 50,95,99.")
    return found


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise BadQuery(f"{name[:60]!r} is no name of a metric or label.", next_step="Take one from /metrics.")
    return name


def _matcher(condition: str) -> str:
    match = _CONDITION.fullmatch(condition[:_LONGEST])
    if match is None:
        raise BadQuery(f"{condition[:60]!r} is no condition.", next_step="Give label=value; also !=, =~ and !~.")
    label, operator, value = match.groups()
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'{label}{operator}"{escaped}"'
