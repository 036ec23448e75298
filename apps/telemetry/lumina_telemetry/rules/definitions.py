"""Rules as they are written: what Prometheus' rule files can say."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Recording:
    """Writes the answer of an expression back, as a series of the name `record`."""

    record: str
    expr: str
    labels: Mapping[str, str] = field(default_factory=dict)
    line: int = field(default=0, compare=False)

    @property
    def name(self) -> str:
        return self.record


@dataclass(frozen=True, kw_only=True)
class Alerting:
    """Fires for each series that an expression has given for `hold` seconds without a gap; `keep` is how long it goes
    on after the last."""

    alert: str
    expr: str
    hold: float = 0.0
    keep: float = 0.0
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    line: int = field(default=0, compare=False)

    @property
    def name(self) -> str:
        return self.alert


Rule = Recording | Alerting


@dataclass(frozen=True)
class Group:
    """Rules that are evaluated together, one after the other. `interval` None: as often as the setting says; `limit`
    is how many series or alerts a rule of it may give, 0 as many as it likes."""

    name: str
    rules: tuple[Rule, ...]
    interval: float | None = None
    limit: int = 0


@dataclass(frozen=True)
class RuleFile:
    """The groups of one file; `name` is the file's."""

    name: str
    groups: tuple[Group, ...]
