"""What one backend has done since this process knows it: for `lumina gateway top`, not for choosing a backend."""

from lumina_inference.gateway.answers import Usage
from lumina_inference.gateway.rolling import Durations, Rate


class Tally:
    """Counts attempts, each once: as answered, or as failed. Times are seconds of one monotonic clock."""

    __slots__ = (
        "errors",
        "first_token",
        "input_tokens",
        "latency",
        "output_tokens",
        "rate",
        "requests",
        "spend_nano_usd",
    )

    def __init__(self) -> None:
        self.rate = Rate()
        self.latency = Durations()
        self.first_token = Durations()
        self.requests = 0
        self.errors: dict[str, int] = {}
        self.input_tokens = 0
        self.output_tokens = 0
        self.spend_nano_usd = 0

    def answered(self, seconds: float, first_token_seconds: float | None, now: float) -> None:
        """An attempt brought a whole answer."""
        self._count(now)
        self.latency.add(seconds, now)
        if first_token_seconds is not None:
            self.first_token.add(first_token_seconds, now)

    def failed(self, kind: str, now: float) -> None:
        """An attempt failed. `kind` is one of a fixed few; how long a failure took says nothing of the latency."""
        self._count(now)
        self.errors[kind] = self.errors.get(kind, 0) + 1

    def used(self, usage: Usage, cost_nano_usd: int | None) -> None:
        """What was billed for an attempt, which may come without a whole answer."""
        self.input_tokens += usage.input_tokens
        self.output_tokens += usage.output_tokens
        self.spend_nano_usd += cost_nano_usd or 0

    def _count(self, now: float) -> None:
        self.requests += 1
        self.rate.tick(now)
