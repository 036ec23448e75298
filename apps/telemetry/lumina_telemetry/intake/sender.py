"""Who sent an export request, and what came of it."""

from collections import Counter
from dataclasses import dataclass, field

from lumina_telemetry.rows import Batch


@dataclass(frozen=True)
class Sender:
    """`ours`: Lumina itself. `captures`: what is stripped goes to the content store of the project."""

    project: str | None = None
    ours: bool = True
    captures: bool = False


@dataclass(frozen=True)
class Decoded:
    """What is stored of a request, how many of its items are not, and why."""

    batch: Batch
    rejected: int = 0
    message: str = ""


@dataclass
class Tally:
    """What was refused or cut in one request, by reason."""

    rejected: Counter[str] = field(default_factory=Counter)
    cut: Counter[str] = field(default_factory=Counter)

    def decoded(self, batch: Batch, items: str) -> Decoded:
        count = self.rejected.total()
        reasons = "; ".join(f"{number} {reason}" for reason, number in self.rejected.items())
        return Decoded(batch, count, f"{count} {items} were rejected: {reasons}." if count else "")
