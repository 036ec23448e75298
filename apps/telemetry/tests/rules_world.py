"""What rules run in: a store with its engine, a clock that tests move, and a receiver that keeps what it is told."""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path

from prometheus_client import CollectorRegistry

from apps.telemetry.tests.promql_world import row
from apps.telemetry.tests.store_world import NOON, SECOND, World, open_world
from lumina_telemetry.alerts.notices import Notice
from lumina_telemetry.promql import Engine
from lumina_telemetry.rows import Batch, NumberRow
from lumina_telemetry.rules.alerting import Alert
from lumina_telemetry.rules.definitions import RuleFile
from lumina_telemetry.rules.evaluator import Evaluator
from lumina_telemetry.rules.measures import RuleMeasures
from lumina_telemetry.rules.memory import AlertMemory
from lumina_telemetry.rules.reading import read_rules


@dataclass
class Book:
    """Rules that a test writes; a new text is taken in at the next step."""

    text: str
    check: Engine
    taken: str = ""

    def refresh(self) -> bool:
        changed, self.taken = self.taken != self.text, self.text
        return changed

    def files(self) -> list[RuleFile]:
        return [read_rules("test.yml", self.text.encode(), self.check.check)]


@dataclass
class Ear:
    heard: list[Notice] = field(default_factory=list)
    remembered: list[Notice] = field(default_factory=list)

    def notify(self, notices: Sequence[Notice]) -> None:
        self.heard += notices

    def remember(self, notices: Sequence[Notice]) -> None:
        self.remembered += notices


@dataclass
class RulesWorld:
    store: World
    book: Book
    ear: Ear = field(default_factory=Ear)
    now: datetime = field(default_factory=lambda: datetime.fromtimestamp(NOON // SECOND, UTC))

    def __post_init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """An evaluator as a new process makes it."""
        self.engine = Engine(self.store.store, self.store.settings)
        self.book.taken = ""
        self.evaluator = Evaluator(
            self.engine,
            self.store.pending,
            AlertMemory(self.store.store, 14),
            self.book,
            self.ear,
            15.0,
            RuleMeasures(CollectorRegistry()),
            lambda: self.now,
        )

    async def after(self, seconds: float, **gauges: float) -> list[Alert]:
        """Let time pass, set gauges, evaluate; the alerts that are active then."""
        self.now += timedelta(seconds=seconds)
        await self.store.stored(gauges_at(self.now, gauges))
        await self.evaluator.step()
        running = [each for group in self.evaluator.groups for each in group.rules]
        return [alert for each in running if each.alerts for alert in each.alerts.active]

    async def value(self, expression: str) -> list[float]:
        return [sample.value for sample in await self.engine.instant(expression, round(self.now.timestamp() * SECOND))]


def gauges_at(now: datetime, gauges: Mapping[str, float]) -> Batch:
    batch = Batch()
    for name, value in gauges.items():
        number = sum(name.encode())
        batch.series.append(row(number, name, {"instance": "a"}, "gauge"))
        batch.numbers.append(NumberRow(series=number, time_ns=round(now.timestamp() * SECOND), value=value))
    return batch


@asynccontextmanager
async def open_rules(folder: Path, text: str) -> AsyncIterator[RulesWorld]:
    async with open_world(folder) as store:
        yield RulesWorld(store, Book(text, Engine(store.store, store.settings)))


def shipped(package: str) -> dict[str, str]:
    """The files that Lumina brings, by their names."""
    folder = files(package) / "shipped"
    return {file.name: file.read_text() for file in folder.iterdir() if file.name.endswith(".yml")}


def hastened(text: str, hold: str, window: str, interval: str) -> str:
    """Rules with every wait, range and interval replaced by a short one."""
    text = re.sub(r"\b(for|keep_firing_for): \w+", rf"\1: {hold}", text)
    text = re.sub(r"\binterval: \w+", f"interval: {interval}", text)
    return re.sub(r"\[\d+[smhd]\]", f"[{window}]", text)
