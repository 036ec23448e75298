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
    """What is stored of a request, how many of its items are not, and why.

    `crowded` are those of the rejected for whose series there is no room.
    """

    batch: Batch
    rejected: int = 0
    message: str = ""
    crowded: int = 0

    @property
    def dropped(self) -> dict[str, int]:
        """The rejected by the reason under which they are counted."""
        counts = {"rejected": self.rejected - self.crowded, "too_many_series": self.crowded}
        return {reason: count for reason, count in counts.items() if count}


@dataclass
class Tally:
    """What was refused or cut in one request, by reason."""

    rejected: Counter[str] = field(default_factory=Counter)
    cut: Counter[str] = field(default_factory=Counter)
    crowded: Counter[str | None] = field(default_factory=Counter)
    """The rejected points for whose series there is no room, by project; None: Lumina's own."""

    def decoded(self, batch: Batch, items: str) -> Decoded:
        count = self.rejected.total()
        reasons = "; ".join(f"{number} {reason}" for reason, number in self.rejected.items())
        message = f"{count} {items} were rejected: {reasons}." if count else ""
        return Decoded(batch, count, message, self.crowded.total())
