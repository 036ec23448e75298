"""Evaluates all rules, each group at its own interval, for as long as the process runs."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Protocol

from lumina_kit import logs
from lumina_kit.clock import Clock
from lumina_kit.errors import LuminaError
from lumina_telemetry.alerts.notices import Notice
from lumina_telemetry.rows import Batch
from lumina_telemetry.rules.alerting import NANO, Alert
from lumina_telemetry.rules.definitions import RuleFile
from lumina_telemetry.rules.measures import RuleMeasures
from lumina_telemetry.rules.memory import AlertMemory
from lumina_telemetry.rules.notifying import RESEND_NS, due_notices, notice
from lumina_telemetry.rules.running import Engine, Running, RunningGroup, arranged
from lumina_telemetry.rules.series import Sink

LOOK_SECONDS = 2.0
"""How often the files are looked at; the time after which an edit serves."""

_log = logs.get(__name__)


class Receiver(Protocol):
    """Takes what is to be sent, at once. `remember`: these were sent before this process began."""

    def notify(self, notices: Sequence[Notice]) -> None: ...

    def remember(self, notices: Sequence[Notice]) -> None: ...


class Rulebook(Protocol):
    """Where rules come from. `refresh` reads what has changed, and says whether something has."""

    def refresh(self) -> bool: ...

    def files(self) -> Iterable[RuleFile]: ...


class Evaluator:
    """`now` gives wall-clock time: samples and alerts carry it."""

    def __init__(
        self,
        engine: Engine,
        sink: Sink,
        memory: AlertMemory,
        rulebook: Rulebook,
        receiver: Receiver,
        interval: float,
        measures: RuleMeasures,
        now: Clock,
    ) -> None:
        self._engine, self._sink, self._memory = engine, sink, memory
        self._rulebook, self._receiver, self._interval = rulebook, receiver, interval
        self._measures, self._now = measures, now
        self._groups: list[RunningGroup] = []
        self._unwritten: set[str] = set()
        self._opened = False

    @property
    def groups(self) -> Sequence[RunningGroup]:
        """How each group and rule is."""
        return self._groups

    async def run(self) -> None:
        """Evaluate until cancelled."""
        while True:
            try:
                await self.step()
            except Exception as error:  # noqa: BLE001 - watching must go on, whatever the store or one rule does
                _log.error("an evaluation broke off; the next one begins anew", exc_info=error)
                await asyncio.sleep(LOOK_SECONDS)
            await asyncio.sleep(self._pause())

    async def step(self) -> None:
        """Take in changed files, then evaluate each group that is due."""
        await self._arrange()
        for group in self._groups:
            at_ns = group.take_due(self._now_ns())
            if at_ns is not None:
                await self._evaluate(group, at_ns)

    async def _arrange(self) -> None:
        if not self._rulebook.refresh() and self._opened:
            return
        now_ns = self._now_ns()
        restored = {} if self._opened else await self._restored(now_ns)
        before = {rule.id: rule.alerts.all for group in self._groups for rule in group.rules if rule.alerts} or restored
        self._groups = arranged(self._rulebook.files(), self._groups, restored, self._interval, now_ns)
        self._opened = True
        kept = {rule.id for group in self._groups for rule in group.rules if rule.alerts}
        await self._end({name: alerts for name, alerts in before.items() if name not in kept}, now_ns)

    async def _restored(self, now_ns: int) -> dict[str, list[Alert]]:
        restored = await self._memory.load(now_ns)
        firing = [alert for alerts in restored.values() for alert in alerts if alert.state == "firing"]
        self._receiver.remember([notice(alert, now_ns + 4 * RESEND_NS) for alert in firing])
        return restored

    async def _end(self, gone: dict[str, list[Alert]], now_ns: int) -> None:
        """The rules of these alerts are no more: what fired is over, what was pending never was."""
        ended = {name: [over for alert in alerts if (over := alert.ended(now_ns))] for name, alerts in gone.items()}
        self._receiver.notify([notice(alert, now_ns) for alerts in ended.values() for alert in alerts])
        if ended:
            await self._save(ended, now_ns)

    async def _evaluate(self, group: RunningGroup, at_ns: int) -> None:
        begun = asyncio.get_running_loop().time()
        for running in group.rules:
            if any(name in running.rule.expr for name in self._unwritten):
                await self._flush()
            before = running.alerts.all if running.alerts else []
            self._write(running, await running.evaluate(self._engine, at_ns, group.group.limit))
            self._receiver.notify(due_notices(running, group.interval, at_ns))
            if running.alerts and (before or running.alerts.all):
                await self._save({running.id: running.alerts.all}, at_ns)
            self._measures.evaluated(group.file, failed=running.error is not None)
        await self._flush()
        group.at_ns, group.seconds = at_ns, asyncio.get_running_loop().time() - begun
        self._measures.took(group.seconds)

    def _write(self, running: Running, batch: Batch) -> None:
        if not batch.numbers:
            return
        try:
            self._sink.offer(batch)
            self._unwritten.update(row.name for row in batch.series)
        except LuminaError as error:
            running.error = running.error or error.message

    async def _flush(self) -> None:
        if self._unwritten:
            self._unwritten.clear()
            await self._sink.flush()

    async def _save(self, rules: dict[str, list[Alert]], now_ns: int) -> None:
        try:
            await self._memory.save(rules, now_ns)
        except LuminaError as error:
            _log.warning("alerts are not stored; a restart would forget them", rules=sorted(rules), why=error.message)

    def _pause(self) -> float:
        due_ns = min((group.due_ns for group in self._groups), default=self._now_ns() + NANO)
        return min(max((due_ns - self._now_ns()) / NANO, 0.01), LOOK_SECONDS)

    def _now_ns(self) -> int:
        return round(self._now().timestamp() * NANO)
