"""What the process answers about traces."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from aiohttp import web

from lumina_telemetry import times
from lumina_telemetry.answering.answers import answered, scope
from lumina_telemetry.errors import BadQuery, TraceNotFound
from lumina_telemetry.settings import TelemetrySettings
from lumina_telemetry.store.store import Store
from lumina_telemetry.traces import filters
from lumina_telemetry.traces.listing import TraceQuery, list_traces
from lumina_telemetry.traces.resolving import resolve
from lumina_telemetry.traces.statistics import StatisticQuery, ValueQuery, statistics, values
from lumina_telemetry.traces.tree import TreeQuery, trace_tree

PAGE, MOST = 50, 1_000
SPANS, MOST_SPANS = 200, 1_000
MOST_DEPTH = 10_000
MOST_ID = 200


def routes(store: Store, settings: TelemetrySettings) -> list[web.RouteDef]:
    """The paths under /traces, and /resolve."""
    traces = Traces(store, settings)
    return [
        web.get("/traces", traces.list),
        web.get("/traces/values", traces.values),
        web.get("/traces/statistics", traces.statistics),
        web.get("/traces/{trace_id}", traces.one),
        web.get("/resolve/{id}", traces.resolve),
    ]


@dataclass(frozen=True)
class Traces:
    store: Store
    settings: TelemetrySettings

    async def list(self, request: web.Request) -> web.Response:
        start, end = _range(request.query)
        query = TraceQuery(_filter(request), start, end, _whole(request.query, "limit", PAGE, MOST))
        if cursor := request.query.get("cursor"):
            query = query.after(cursor)
        return answered(await self.store.read(partial(list_traces, query=query, seconds=self.settings.query_seconds)))

    async def values(self, request: web.Request) -> web.Response:
        start, end = _range(request.query)
        attribute = request.query.get("attribute", "")
        if not attribute:
            raise BadQuery(
                "No attribute is named.", next_step="Add ?attribute=, such as service or gen_ai.request.model."
            )
        limit, containing = _whole(request.query, "limit", PAGE, MOST), request.query.get("containing", "")
        query = ValueQuery(_filter(request), attribute, start, end, limit, containing)
        return answered(await self.store.read(partial(values, query=query)))

    async def statistics(self, request: web.Request) -> web.Response:
        start, end = _range(request.query)
        step = _whole(request.query, "step", 0, 366 * 86_400)
        query = StatisticQuery(_filter(request), start, end, request.query.get("by"), step * times.SECOND or None)
        return answered(await self.store.read(partial(statistics, query=query)))

    async def one(self, request: web.Request) -> web.Response:
        asked = request.query
        query = TreeQuery(
            trace_id=_hexadecimal(request.match_info["trace_id"], 32),
            scope=scope(request),
            limit=_whole(asked, "limit", SPANS, MOST_SPANS),
            cursor=asked.get("cursor"),
            top=_hexadecimal(asked["span"], 16) if "span" in asked else None,
            depth=_whole(asked, "depth", 0, MOST_DEPTH) if "depth" in asked else None,
        )
        return answered(await self.store.read(partial(trace_tree, query=query)))

    async def resolve(self, request: web.Request) -> web.Response:
        id_ = request.match_info["id"]
        if len(id_) > MOST_ID:
            raise BadQuery(f"An id of {len(id_)} letters is none of ours.")
        limit = _whole(request.query, "limit", PAGE, MOST)
        return answered(await self.store.read(partial(resolve, id_=id_, scope=scope(request), limit=limit)))


def _filter(request: web.Request) -> filters.Filter:
    return filters.asked(request.query, request.query.getall("where", []), scope(request))


def _range(asked: Mapping[str, str]) -> tuple[int, int]:
    end = times.parsed(asked["end"]) if "end" in asked else time.time_ns() + times.SECOND
    start = times.parsed(asked["start"]) if "start" in asked else max(0, end - 3600 * times.SECOND)
    if start >= end:
        raise BadQuery(f"The time ends ({times.told(end)}) before it begins ({times.told(start)}).")
    return start, end


def _whole(asked: Mapping[str, str], name: str, default: int, most: int) -> int:
    text = asked.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit()) or not int(text[:10]) <= most or len(text) > 10:
        raise BadQuery(f"{name}={text[:60]!r} is not between 0 and {most}.")
    return int(text) or default


def _hexadecimal(text: str, length: int) -> str:
    lower = text.lower()
    if len(lower) != length or not set(lower) <= set("0123456789abcdef"):
        raise TraceNotFound(f"{text[:60]!r} is no id of {length} hexadecimal digits.")
    return lower
