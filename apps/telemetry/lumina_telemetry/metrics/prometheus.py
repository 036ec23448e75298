"""Prometheus' own query API, so that Grafana and promtool take Lumina as a data source."""

import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from importlib.metadata import version
from platform import python_version
from typing import Any

import msgspec
from aiohttp import web
from multidict import MultiDict

from lumina_kit.errors import LuminaError
from lumina_telemetry import visibility
from lumina_telemetry.answering.answers import scope
from lumina_telemetry.answering.failing import failure
from lumina_telemetry.errors import BadQuery
from lumina_telemetry.metrics import asking
from lumina_telemetry.metrics.asking import Span
from lumina_telemetry.metrics.catalogue import Discovery
from lumina_telemetry.metrics.exemplars import Found, exemplars
from lumina_telemetry.promql import Curve, Engine, Sample
from lumina_telemetry.promql.syntax import is_scalar
from lumina_telemetry.settings import TelemetrySettings
from lumina_telemetry.store.store import Store

PREFIX = "/prometheus/api/v1"
COMPATIBLE_WITH = "2.42.0"
"""The Prometheus whose meaning of PromQL the engine has, and is tested against."""
_MILLISECOND = 10**6
_MOST_METADATA = 10_000
_METADATA = f"""
SELECT DISTINCT ON (name) name, kind, unit, description FROM series
WHERE {visibility.NAMED} AND ($metric IS NULL OR name = $metric) ORDER BY name LIMIT $limit"""  # nosec B608

Asked = MultiDict[str]
Data = Callable[[web.Request, Asked], Awaitable[Any]]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def prometheus_routes(store: Store, engine: Engine, settings: TelemetrySettings) -> list[web.RouteDef]:
    """All of the API that is about data; rules and alerts are elsewhere."""
    api = PrometheusApi(store, engine, settings)
    by_form = {
        "query": api.query,
        "query_range": api.query_range,
        "query_exemplars": api.exemplars,
        "series": api.series,
        "labels": api.labels,
    }
    only_get = {"label/{name}/values": api.values, "metadata": api.metadata, "status/buildinfo": api.buildinfo}
    return [
        *(web.get(f"{PREFIX}/{path}", _answering(data)) for path, data in (by_form | only_get).items()),
        *(web.post(f"{PREFIX}/{path}", _answering(data)) for path, data in by_form.items()),
    ]


@dataclass(frozen=True)
class PrometheusApi:
    """What each path gives as `data`."""

    store: Store
    engine: Engine
    settings: TelemetrySettings

    async def query(self, request: web.Request, asked: Asked) -> Any:
        expression, at = asking.required(asked, "query"), asking.moment(asked)
        samples = await self.engine.instant(expression, at, scope(request))
        if is_scalar(expression):
            return {"resultType": "scalar", "result": _pair(at, samples[0].value)}
        return {"resultType": "vector", "result": [_sample(sample, at) for sample in samples]}

    async def query_range(self, request: web.Request, asked: Asked) -> Any:
        span = Span(asking.moment(asked, "start"), asking.moment(asked, "end"))
        step = asking.duration(asked, "step", span.usual_step_ns)
        expression = asking.required(asked, "query")
        curves = await self.engine.range(expression, span.start_ns, span.end_ns, step, scope(request))
        return {"resultType": "matrix", "result": [_curve(curve) for curve in curves]}

    async def exemplars(self, request: web.Request, asked: Asked) -> Any:
        find = partial(
            exemplars,
            expression=asking.required(asked, "query"),
            span=asking.span(asked),
            visible=scope(request),
            most_series=self.settings.query_series,
        )
        return _by_series(await self.store.read(find))

    async def series(self, request: web.Request, asked: Asked) -> Any:
        selectors = asked.getall("match[]", [])
        if not selectors:
            raise BadQuery("No selector is given.", next_step="Add match[]=.")
        return await self._discovered(request, asked, lambda found: found.series(selectors))

    async def labels(self, request: web.Request, asked: Asked) -> Any:
        selectors = asked.getall("match[]", [])
        return await self._discovered(request, asked, lambda found: found.labels(selectors))

    async def values(self, request: web.Request, asked: Asked) -> Any:
        label, selectors = request.match_info["name"], asked.getall("match[]", [])
        return await self._discovered(request, asked, lambda found: found.values(label, selectors))

    async def metadata(self, request: web.Request, asked: Asked) -> Any:
        wanted = {
            "visible": scope(request),
            "metric": asked.get("metric"),
            "limit": asking.whole(asked, "limit", _MOST_METADATA, _MOST_METADATA),
        }
        rows = await self.store.read(lambda connection: connection.execute(_METADATA, wanted).fetchall())
        return {name: [{"type": kind, "help": text, "unit": unit}] for name, kind, unit, text in rows}

    async def buildinfo(self, _request: web.Request, _asked: Asked) -> Any:
        revision = f"lumina-{version('lumina-telemetry')}"
        unknown = dict.fromkeys(("branch", "buildUser", "buildDate"), "")
        return {"version": COMPATIBLE_WITH, "revision": revision, **unknown, "goVersion": f"python{python_version()}"}

    async def _discovered(self, request: web.Request, asked: Asked, look: Callable[[Discovery], Any]) -> Any:
        seen = asking.span(asked) if asked.get("start") else None
        visible, most = scope(request), self.settings.query_series
        return await self.store.read(lambda connection: look(Discovery(connection, visible, most, seen)))


def _answering(data: Data) -> Handler:
    """In Prometheus' envelope, errors too."""

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            asked = Asked(request.query)
            if request.method == "POST":
                asked.extend((name, str(value)) for name, value in (await request.post()).items())
            return _enveloped({"status": "success", "data": await data(request, asked)})
        except LuminaError as error:
            return _failed(error)

    return answer


def _failed(error: LuminaError) -> web.Response:
    status, body = failure(error)
    return web.Response(body=body, status=status, content_type="application/json")


def _enveloped(body: Mapping[str, Any]) -> web.Response:
    return web.Response(body=msgspec.json.encode(body), content_type="application/json")


def _sample(sample: Sample, at_ns: int) -> dict[str, Any]:
    return {"metric": sample.labels, "value": _pair(at_ns, sample.value)}


def _curve(curve: Curve) -> dict[str, Any]:
    return {"metric": curve.labels, "values": list(map(_pair, curve.times, curve.values))}


def _pair(at_ns: int, value: float) -> tuple[float, str]:
    return at_ns // _MILLISECOND / 1000, written(value)


def written(value: float) -> str:
    """A value as Prometheus writes it: never with an exponent."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    text = repr(value).removesuffix(".0")
    return format(Decimal(text), "f") if "e" in text else text


def _by_series(found: list[Found]) -> list[dict[str, Any]]:
    groups: dict[tuple[tuple[str, str], ...], list[dict[str, Any]]] = {}
    for each in reversed(found):
        stored = each.exemplar
        labels = {"trace_id": stored.trace_id, "span_id": stored.span_id}
        shown = {
            "labels": {name: value for name, value in labels.items() if value},
            "value": written(stored.value),
            "timestamp": stored.time_ns // _MILLISECOND / 1000,
        }
        groups.setdefault(tuple(sorted(each.labels.items())), []).append(shown)
    return [{"seriesLabels": dict(labels), "exemplars": exemplars_} for labels, exemplars_ in groups.items()]
