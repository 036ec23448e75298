"""What the process answers about logs."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import msgspec
from aiohttp import web
from duckdb import DuckDBPyConnection

from lumina_telemetry import times
from lumina_telemetry.answering.answers import answered, scope
from lumina_telemetry.errors import BadQuery
from lumina_telemetry.logs import filters
from lumina_telemetry.logs.beside import surroundings
from lumina_telemetry.logs.filters import LogFilter
from lumina_telemetry.logs.histogram import HistogramQuery, histogram
from lumina_telemetry.logs.listing import LogQuery, list_logs, told
from lumina_telemetry.logs.models import LogPage
from lumina_telemetry.logs.stretches import SECOND
from lumina_telemetry.logs.tail import Tail
from lumina_telemetry.settings import TelemetrySettings
from lumina_telemetry.store.store import Store

PAGE, MOST = 100, 1_000
MOST_AROUND = 3600
HEARTBEAT_SECONDS = 15.0


def routes(
    store: Store, settings: TelemetrySettings, tail: Tail, heartbeat_seconds: float = HEARTBEAT_SECONDS
) -> list[web.RouteDef]:
    """The paths under /logs, and the logs of a trace."""
    logs = Logs(store, settings, tail, heartbeat_seconds)
    return [
        web.get("/logs", logs.list),
        web.get("/logs/histogram", logs.histogram),
        web.get("/logs/tail", logs.tail_of),
        web.get("/traces/{trace_id}/logs", logs.beside),
    ]


@dataclass(frozen=True)
class Logs:
    store: Store
    settings: TelemetrySettings
    tail: Tail
    heartbeat_seconds: float

    async def list(self, request: web.Request) -> web.Response:
        start, end = _range(request.query)
        query = _from_cursor(LogQuery(_filter(request), start, end, _limit(request.query)), request)
        return answered(await self.store.read(partial(list_logs, query=query, seconds=self.settings.query_seconds)))

    async def histogram(self, request: web.Request) -> web.Response:
        query = HistogramQuery(_filter(request), *_range(request.query))
        return answered(await self.store.read(partial(histogram, query=query, seconds=self.settings.query_seconds)))

    async def beside(self, request: web.Request) -> web.Response:
        trace_id = request.match_info["trace_id"].lower()
        filters.of_trace(trace_id)
        around = _around(request.query)
        wanted, limit, allowed = _filter(request), _limit(request.query), scope(request)

        def work(connection: DuckDBPyConnection) -> LogPage:
            place = surroundings(connection, trace_id, allowed)
            margin = around or 0
            condition = place.condition(around)
            start, end = max(0, place.start_ns - margin), place.end_ns + margin
            query = _from_cursor(LogQuery(wanted.also(condition), start, end, limit), request)
            return list_logs(connection, query, self.settings.query_seconds)

        return answered(await self.store.read(work))

    async def tail_of(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events: `log` with a record, `dropped` with a count; a comment when nothing is said."""
        async with self.tail.watching(_filter(request)) as watcher:
            response = web.StreamResponse(headers={"content-type": "text/event-stream", "cache-control": "no-store"})
            await response.prepare(request)
            await response.write(b": follows\n\n")
            while not watcher.ended:
                rows, dropped = await watcher.news(self.heartbeat_seconds)
                events = [_event("log", told(row)) for row in rows]
                events += [_event("dropped", {"count": dropped})] if dropped else []
                await response.write(b"".join(events) or b": nothing new\n\n")
            return response


def _event(name: str, value: object) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (name.encode(), msgspec.json.encode(value))


def _filter(request: web.Request) -> LogFilter:
    return filters.asked(request.query, request.query.getall("where", []), scope(request))


def _from_cursor(query: LogQuery, request: web.Request) -> LogQuery:
    cursor = request.query.get("cursor")
    return query.after(cursor) if cursor else query


def _range(asked: Mapping[str, str]) -> tuple[int, int]:
    end = times.parsed(asked["end"]) if "end" in asked else time.time_ns() + SECOND
    start = times.parsed(asked["start"]) if "start" in asked else max(0, end - 3600 * SECOND)
    if start >= end:
        raise BadQuery(f"The time ends ({times.told(end)}) before it begins ({times.told(start)}).")
    return start, end


def _limit(asked: Mapping[str, str]) -> int:
    text = asked.get("limit", str(PAGE))
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 1 <= int(text) <= MOST):
        raise BadQuery(f"limit={text[:60]!r} is not between 1 and {MOST}.")
    return int(text)


def _around(asked: Mapping[str, str]) -> int | None:
    text = asked.get("around")
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= MOST_AROUND:
        raise BadQuery(f"around={text[:60]!r} is not a number of seconds between 0 and {MOST_AROUND}.")
    return round(seconds * SECOND)
