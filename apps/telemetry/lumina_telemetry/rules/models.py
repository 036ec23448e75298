"""What is told of rules. Times are RFC 3339, UTC; `seconds` are durations."""

from dataclasses import dataclass
from typing import Literal

RuleKind = Literal["alerting", "recording"]
RuleState = Literal["inactive", "pending", "firing"]
Health = Literal["unknown", "ok", "err"]


@dataclass(frozen=True)
class RuleView:
    """One rule, and how its last evaluation went. `state` is that of its worst alert; null for a recording rule."""

    file: str
    group: str
    name: str
    kind: RuleKind
    expression: str
    labels: dict[str, str]
    annotations: dict[str, str]
    for_seconds: float
    keep_firing_seconds: float
    interval_seconds: float
    state: RuleState | None
    pending: int
    firing: int
    health: Health
    last_error: str | None
    evaluated_at: str | None
    evaluation_seconds: float


@dataclass(frozen=True)
class FileProblem:
    """A rule or objective file that cannot be used; `serving` tells what does in its place."""

    file: str
    line: int
    message: str
    serving: str


@dataclass(frozen=True)
class RulePage:
    """Rules in the order in which they are evaluated, and every file that is broken."""

    items: list[RuleView]
    next: str | None
    cut: str | None
    problems: list[FileProblem]
