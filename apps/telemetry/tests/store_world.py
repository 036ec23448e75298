"""A store with its queue, for tests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lumina_telemetry.measures import Measures
from lumina_telemetry.rows import Batch, SpanRow
from lumina_telemetry.settings import TelemetrySettings
from lumina_telemetry.store.disk import Disk
from lumina_telemetry.store.pending import Pending
from lumina_telemetry.store.store import Store

SECOND = 10**9
NOON = 1_780_000_000 * SECOND


def span(number: int, **fields: Any) -> SpanRow:
    """Span `number` of trace 1, a second after the one before; any field may be told."""
    start = fields.pop("start_ns", NOON + number * SECOND)
    told = {"trace_id": f"{1:032x}", "span_id": f"{number:016x}", "duration_ns": SECOND // 10, "name": f"step {number}"}
    return SpanRow(**{"start_ns": start, "time_ns": start, **told, **fields})


@dataclass
class World:
    file: Path
    settings: TelemetrySettings
    disk: Disk | None = None
    measures: Measures = field(default_factory=Measures)

    def __post_init__(self) -> None:
        self.store = Store(self.file, self.settings, self.disk)
        self.pending = Pending(self.store, self.settings, self.measures)

    async def stored(self, batch: Batch) -> None:
        self.pending.offer(batch)
        await self.pending.flush()

    async def rows(self, sql: str) -> list[Any]:
        return await self.store.rows(sql)

    async def reopen(self) -> None:
        self.store.close()
        self.__post_init__()

    def count(self, name: str, **labels: str) -> float:
        return self.measures.registry.get_sample_value(f"lumina_telemetry_{name}_total", labels) or 0.0


@asynccontextmanager
async def open_world(folder: Path, disk: Disk | None = None, **settings: Any) -> AsyncIterator[World]:
    told = {"free_bytes": 1, **settings}
    world = World(folder / "telemetry.duckdb", TelemetrySettings(**told), disk)
    try:
        yield world
    finally:
        world.store.close()


def trace(number: int, *, spans: int, offset: int = 0, start_ns: int | None = None, **fields: Any) -> list[SpanRow]:
    """Trace `number`: a root, and its children a millisecond apart; with an offset, more children."""
    start = NOON + number * SECOND if start_ns is None else start_ns
    root = f"{number << 20:016x}"
    return [
        SpanRow(
            **{
                "trace_id": f"{number:032x}",
                "span_id": f"{(number << 20) + index:016x}",
                "parent_id": root if index else "",
                "name": f"trace {number}",
                "start_ns": start + index * 10**6,
                "time_ns": start + index * 10**6,
                "duration_ns": SECOND // 10,
                **fields,
            }
        )
        for index in range(offset, offset + spans)
    ]
