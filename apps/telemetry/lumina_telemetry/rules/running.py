"""Groups as they run: what each rule found last, how it went, and when its group is due."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from lumina_kit import logs
from lumina_kit.errors import LuminaError
from lumina_telemetry.rows import Batch
from lumina_telemetry.rules.alerting import NANO, Alert, Alerts, Found, Key, RuleFailed
from lumina_telemetry.rules.definitions import Alerting, Group, Rule, RuleFile
from lumina_telemetry.rules.series import MOST_SERIES, Written, recorded, shown
from lumina_telemetry.visibility import Visible

_log = logs.get(__name__)


class Sample(Protocol):
    """A series that an expression gives."""

    @property
    def labels(self) -> Mapping[str, str]: ...

    @property
    def value(self) -> float: ...


class Engine(Protocol):
    """What rules need of the PromQL engine."""

    async def instant(self, expression: str, at_ns: int, scope: Visible = None) -> Sequence[Sample]: ...

    def check(self, expression: str) -> None: ...


@dataclass
class Running:
    """One rule. `id` names it over restarts; `error` is that of the last evaluation, None when it went well."""

    id: str
    rule: Rule
    alerts: Alerts | None
    written: Written = field(default_factory=Written)
    sent_ns: dict[Key, int] = field(default_factory=dict)
    error: str | None = None
    at_ns: int | None = None
    seconds: float = 0.0

    async def evaluate(self, engine: Engine, at_ns: int, limit: int) -> Batch:
        """Find out how things are at a time; the rows that tell of it. An error is kept, never raised."""
        begun = time.perf_counter()
        try:
            values = await engine.instant(self.rule.expr, at_ns)
            batch = self._moved([Found(value.labels, value.value) for value in values], at_ns, limit)
            self.error = None
        except (RuleFailed, LuminaError) as error:
            batch = self._failed(str(error))
        except Exception as error:  # noqa: BLE001 - one rule that fails must not end the others
            _log.error("a rule failed", rule=self.id, exc_info=error)
            batch = self._failed("The rule could not be evaluated; the log holds the reason.")
        self.at_ns, self.seconds = at_ns, time.perf_counter() - begun
        return batch

    def _moved(self, found: list[Found], at_ns: int, limit: int) -> Batch:
        most = min(limit or MOST_SERIES, MOST_SERIES)
        if len(found) > most:
            raise RuleFailed(f"The rule gives {len(found)} series; {most} are the most.")
        if self.alerts is None:
            assert not isinstance(self.rule, Alerting)
            return self.written.rows(recorded(self.rule, found), at_ns)
        self.alerts.evaluate(found, at_ns)
        return self.written.rows(shown(self.alerts.active), at_ns)

    def _failed(self, why: str) -> Batch:
        if self.error is None:
            _log.warning("a rule has no answer", rule=self.id, why=why)
        self.error = why
        return Batch()


@dataclass
class RunningGroup:
    """One group. `due_ns` moves along a grid of whole intervals, so that `for` is exact."""

    file: str
    group: Group
    interval: float
    rules: list[Running]
    due_ns: int
    at_ns: int | None = None
    seconds: float = 0.0

    def take_due(self, now_ns: int) -> int | None:
        """The time to evaluate for, if one has come. What was missed is left out."""
        step = round(self.interval * NANO)
        if self.due_ns - now_ns > step:  # the clock was set back
            self.due_ns = now_ns
        if now_ns < self.due_ns:
            return None
        at_ns = self.due_ns + (now_ns - self.due_ns) // step * step
        self.due_ns = at_ns + step
        return at_ns


def arranged(
    files: Iterable[RuleFile],
    before: Iterable[RunningGroup],
    restored: Mapping[str, list[Alert]],
    interval: float,
    now_ns: int,
) -> list[RunningGroup]:
    """Groups of these files. A rule that was there before goes on where it was; one that is new, where the last
    process left it."""
    known = {running.id: running for group in before for running in group.rules}
    old = {(group.file, group.group.name): group for group in before}
    groups = []
    for file in files:
        for group in file.groups:
            rules = _rules(file, group, known, restored)
            seconds = group.interval or interval
            made = RunningGroup(file.name, group, seconds, rules, now_ns)
            same = old.get((file.name, group.name))
            if same is not None and same.interval == seconds:
                made.due_ns, made.at_ns, made.seconds = same.due_ns, same.at_ns, same.seconds
            groups.append(made)
    return groups


def _rules(
    file: RuleFile, group: Group, known: Mapping[str, Running], restored: Mapping[str, list[Alert]]
) -> list[Running]:
    rules: list[Running] = []
    taken: set[str] = set()
    for rule in group.rules:
        base = f"{file.name}/{group.name}/{rule.name}"
        number = next(count for count in range(len(group.rules) + 1) if _numbered(base, count) not in taken)
        name = _numbered(base, number)
        taken.add(name)
        rules.append(_running(name, rule, known.get(name), restored.get(name, [])))
    return rules


def _running(name: str, rule: Rule, before: Running | None, restored: list[Alert]) -> Running:
    if before is not None and before.rule == rule:
        return before
    if not isinstance(rule, Alerting):
        return Running(name, rule, None, before.written if before else Written())
    alerts = before.alerts.all if before and before.alerts else restored
    made = Running(name, rule, Alerts(rule, alerts))
    if before is not None:
        made.written, made.sent_ns = before.written, before.sent_ns
    return made


def _numbered(base: str, number: int) -> str:
    return base if number == 0 else f"{base}#{number + 1}"
