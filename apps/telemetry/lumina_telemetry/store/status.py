"""GET /status: how the store is, told even while it cannot be read."""

from dataclasses import dataclass

from aiohttp import web

from lumina_kit.errors import Unavailable
from lumina_telemetry import times
from lumina_telemetry.answering.answers import answered
from lumina_telemetry.measures import Measures
from lumina_telemetry.settings import TelemetrySettings
from lumina_telemetry.store import files
from lumina_telemetry.store.models import Dropped, StoreStatus, TableStatus
from lumina_telemetry.store.pending import Pending
from lumina_telemetry.store.retention import ROW_BYTES, Retention
from lumina_telemetry.store.store import Store

STATE_HEADER = "x-lumina-telemetry"


def routes(store: Store, pending: Pending, settings: TelemetrySettings, measures: Measures) -> list[web.RouteDef]:
    """The paths /status, and /storing for who asks often."""
    status = Status(store, pending, settings, measures)
    return [web.get("/status", status.show), web.get("/storing", status.storing)]


def tell_trouble(app: web.Application, store: Store) -> None:
    """Say with each answer while nothing is stored: what it shows is old then."""

    async def tell(_request: web.Request, answer: web.StreamResponse) -> None:
        if store.trouble:
            answer.headers[STATE_HEADER] = "not storing"

    app.on_response_prepare.append(tell)


@dataclass(frozen=True)
class Status:
    store: Store
    pending: Pending
    settings: TelemetrySettings
    measures: Measures

    async def show(self, _request: web.Request) -> web.Response:
        return answered(await self.told())

    async def storing(self, _request: web.Request) -> web.Response:
        """Without a look at the database, which may be busy."""
        return answered({"storing": not self.store.trouble})

    async def told(self) -> StoreStatus:
        """The store as it is now."""
        try:
            used: int | None = await Retention(self.store, self.settings).used()
            tables = await self._tables()
        except Unavailable:
            used, tables = None, []
        return StoreStatus(
            state="stopped" if self.store.trouble else "storing",
            reason=self.store.trouble,
            queue_rows=self.pending.rows,
            queue_bytes=self.pending.bytes,
            queue_seconds=round(self.pending.age, 3),
            dropped=_dropped(self.measures),
            file_bytes=files.size_of(self.store.file),
            used_bytes=used,
            free_bytes=self.store.disk.free(),
            retention_days=self.settings.retention_days,
            retention_bytes=self.settings.retention_bytes,
            tables=tables,
        )

    async def _tables(self) -> list[TableStatus]:
        sql = " UNION ALL ".join(f"SELECT '{name}', count(*), min(time_ns) FROM {name}" for name in ROW_BYTES)
        rows = await self.store.rows(sql)
        return [TableStatus(name, count, None if old is None else times.told(old)) for name, count, old in rows]


def _dropped(measures: Measures) -> list[Dropped]:
    samples = [
        sample
        for family in measures.registry.collect()
        for sample in family.samples
        if sample.name == "lumina_telemetry_dropped_total"
    ]
    return [Dropped(sample.labels["signal"], sample.labels["reason"], int(sample.value)) for sample in samples]
