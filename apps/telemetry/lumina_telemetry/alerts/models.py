"""What is told of alerts. Times are RFC 3339, UTC."""

from dataclasses import dataclass
from typing import Literal

AlertState = Literal["pending", "firing", "resolved"]


@dataclass(frozen=True)
class AlertView:
    """One alert. `active_at` is when its expression held first, `fired_at` when it had held for long enough."""

    fingerprint: str
    rule: str
    name: str
    state: AlertState
    severity: str | None
    labels: dict[str, str]
    annotations: dict[str, str]
    value: float | None
    active_at: str
    fired_at: str | None
    resolved_at: str | None


@dataclass(frozen=True)
class AlertPage:
    """Newest first; those that are over stay as long as other telemetry."""

    items: list[AlertView]
    next: str | None
    cut: str | None
