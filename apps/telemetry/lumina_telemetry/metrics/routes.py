"""What the process answers about metrics in Lumina's own form. Prometheus' form is in `prometheus.py`."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from aiohttp import web

from lumina_telemetry.answering.answers import answered, scope
from lumina_telemetry.metrics import asking, catalogue, composing
from lumina_telemetry.metrics.asking import Span
from lumina_telemetry.metrics.catalogue import CatalogueQuery, Discovery, kind_of
from lumina_telemetry.metrics.composing import Question
from lumina_telemetry.metrics.exemplars import exemplars
from lumina_telemetry.metrics.models import ExemplarInfo, Exemplars, Line, Lines, Names, Point, Points
from lumina_telemetry.metrics.prometheus import prometheus_routes
from lumina_telemetry.promql import Engine
from lumina_telemetry.settings import TelemetrySettings
from lumina_telemetry.store.store import Store
from lumina_telemetry.times import SECOND, told

PAGE, MOST = 100, 1000
TOP, MOST_TOP = 10, 100
MOST_NAMES = 10_000
_WINDOW_STEPS = 4
_SHORTEST_WINDOW = 60 * SECOND
Item = TypeVar("Item")


def routes(store: Store, engine: Engine, settings: TelemetrySettings) -> list[web.RouteDef]:
    """The paths under /metrics, and those of Prometheus' own API but for rules and alerts."""
    metrics = Metrics(store, engine, settings)
    return [
        web.get("/metrics", metrics.catalogue),
        web.get("/metrics/query", metrics.query),
        web.get("/metrics/query_range", metrics.query_range),
        web.get("/metrics/rate", metrics.rate),
        web.get("/metrics/percentiles", metrics.percentiles),
        web.get("/metrics/top", metrics.top),
        web.get("/metrics/labels", metrics.labels),
        web.get("/metrics/labels/{name}", metrics.values),
        web.get("/metrics/exemplars", metrics.exemplars),
        *prometheus_routes(store, engine, settings),
    ]


@dataclass(frozen=True)
class Metrics:
    """Handlers. Parameters as in the API's description."""

    store: Store
    engine: Engine
    settings: TelemetrySettings

    async def catalogue(self, request: web.Request) -> web.Response:
        asked = request.query
        query = CatalogueQuery(
            visible=scope(request),
            search=asked.get("search", "")[:200],
            kind=asked.get("type"),
            after=asked.get("cursor", ""),
            limit=asking.whole(asked, "limit", PAGE, MOST),
            seen=asking.span(asked),
        )
        return answered(await self.store.read(partial(catalogue.page, query=query)))

    async def query(self, request: web.Request) -> web.Response:
        expression = asking.required(request.query, "query")
        return await self._points(request, expression, asking.moment(request.query))

    async def query_range(self, request: web.Request) -> web.Response:
        span = asking.span(request.query)
        step = asking.duration(request.query, "step", span.usual_step_ns)
        return await self._lines(request, {asking.required(request.query, "query"): {}}, span, step)

    async def rate(self, request: web.Request) -> web.Response:
        span = asking.span(request.query)
        step = asking.duration(request.query, "step", span.usual_step_ns)
        question = await self._question(request, max(_SHORTEST_WINDOW, _WINDOW_STEPS * step))
        return await self._lines(request, {question.rate(): {}}, span, step)

    async def percentiles(self, request: web.Request) -> web.Response:
        span = asking.span(request.query)
        step = asking.duration(request.query, "step", span.usual_step_ns)
        question = await self._question(request, max(_SHORTEST_WINDOW, _WINDOW_STEPS * step))
        wanted = composing.percentiles(request.query.get("p", "50,95,99"))
        expressions = {question.percentile(each): {"percentile": f"{each:g}"} for each in wanted}
        return await self._lines(request, expressions, span, step)

    async def top(self, request: web.Request) -> web.Response:
        span = asking.span(request.query)
        question = await self._question(request, max(_SHORTEST_WINDOW, span.end_ns - span.start_ns))
        count = asking.whole(request.query, "k", TOP, MOST_TOP)
        return await self._points(request, question.top(count), span.end_ns)

    async def labels(self, request: web.Request) -> web.Response:
        selectors = await self._selectors(request)
        most, visible = self.settings.query_series, scope(request)
        names = await self.store.read(lambda connection: Discovery(connection, visible, most).labels(selectors))
        return answered(_names(names))

    async def values(self, request: web.Request) -> web.Response:
        selectors, label = await self._selectors(request), request.match_info["name"]
        most, visible = self.settings.query_series, scope(request)
        values = await self.store.read(lambda connection: Discovery(connection, visible, most).values(label, selectors))
        return answered(_names(values))

    async def exemplars(self, request: web.Request) -> web.Response:
        asked = request.query
        question = await self._question(request, _SHORTEST_WINDOW)
        find = partial(
            exemplars,
            expression=question.percentile(50),
            span=asking.span(asked),
            visible=scope(request),
            most_series=self.settings.query_series,
        )
        limit = asking.whole(asked, "limit", PAGE, MOST)
        found = await self.store.read(find)
        items = [
            ExemplarInfo(
                each.labels,
                each.exemplar.value,
                told(each.exemplar.time_ns),
                each.exemplar.trace_id,
                each.exemplar.span_id,
            )
            for each in found[:limit]
        ]
        cut = f"Only the newest {limit} are shown; ask for a shorter time." if len(found) > limit else None
        return answered(Exemplars(items, None, cut))

    async def _question(self, request: web.Request, window_ns: int) -> Question:
        asked = request.query
        metric = asking.required(asked, "metric")
        kind = await self.store.read(partial(kind_of, metric=metric, visible=scope(request)))
        window = asking.duration(asked, "window", window_ns)
        by = [name for name in asked.get("by", "").split(",") if name]
        return Question(metric, kind, by, asked.getall("where", []), max(1, window // SECOND))

    async def _points(self, request: web.Request, expression: str, at_ns: int) -> web.Response:
        samples = await self.engine.instant(expression, at_ns, scope(request))
        items = [Point(sample.labels, sample.value) for sample in samples]
        kept, cut = _bounded(items, self.settings.query_rows)
        return answered(Points(expression, told(at_ns), kept, None, cut))

    async def _lines(
        self, request: web.Request, expressions: Mapping[str, Mapping[str, str]], span: Span, step_ns: int
    ) -> web.Response:
        """All expressions' series, with the labels given for each expression."""
        items: list[Line] = []
        for expression, labels in expressions.items():
            curves = await self.engine.range(expression, span.start_ns, span.end_ns, step_ns, scope(request))
            items += [
                Line({**curve.labels, **labels}, [time / SECOND for time in curve.times], curve.values)
                for curve in curves
            ]
        kept, cut = _bounded(items, self.settings.query_rows)
        return answered(Lines("; ".join(expressions), step_ns / SECOND, kept, None, cut))

    async def _selectors(self, request: web.Request) -> list[str]:
        """A selector of the metric that is named; of a histogram's buckets."""
        metric = request.query.get("metric")
        if not metric:
            return []
        kind = await self.store.read(partial(kind_of, metric=metric, visible=scope(request)))
        return [composing.selector(metric, kind)]


def _bounded(items: list[Item], most: int) -> tuple[list[Item], str | None]:
    if len(items) <= most:
        return items, None
    return items[:most], f"Only {most} of {len(items)} series are shown; aggregate by fewer labels."


def _names(names: list[str]) -> Names:
    cut = f"Only the first {MOST_NAMES} of {len(names)} are shown; name a metric." if len(names) > MOST_NAMES else None
    return Names(names[:MOST_NAMES], None, cut)
