"""What is told of objectives. Ratios are shares of 1; a burn rate of 1 uses up the budget in just 30 days."""

from dataclasses import dataclass
from typing import Literal

SloState = Literal["ok", "ticket", "page", "exhausted", "no_data"]


@dataclass(frozen=True)
class BurnRate:
    """How fast the budget burns, over one window; null while nothing happened in it."""

    window: str
    error_ratio: float | None
    burn_rate: float | None


@dataclass(frozen=True)
class SloView:
    """One objective. `good_ratio` and `budget_left` are over 30 days; `budget_left` below 0 is overdrawn."""

    id: str
    service: str
    name: str
    description: str
    labels: dict[str, str]
    objective: float
    good_ratio: float | None
    budget_left: float | None
    burn_rates: list[BurnRate]
    state: SloState


@dataclass(frozen=True)
class SloPage:
    """All objectives; they are few."""

    items: list[SloView]
    next: str | None
    cut: str | None
