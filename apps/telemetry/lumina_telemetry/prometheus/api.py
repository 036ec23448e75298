"""/api/telemetry/prometheus/api/v1: Prometheus' own query API, so that Grafana takes Lumina as a data source.

What it takes and answers is documented by Prometheus; parameters go on as they come, in the query or as a form.
"""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from lumina_kit.errors import NotFound
from lumina_telemetry.passing import Ask, MetricsAskDep
from lumina_telemetry.prometheus.routing import PrometheusRoute

FORM = "application/x-www-form-urlencoded"
PREFIX = "/prometheus/api/v1"
ASKED_BY_FORM = ("query", "query_range", "query_exemplars", "series", "labels")

router = APIRouter(prefix=PREFIX, tags=["prometheus"], route_class=PrometheusRoute)


class NotOffered(NotFound):
    code = "prometheus_path_not_found"
    title = "Lumina does not have this path of Prometheus"


async def ask_with_form(request: Request, ask: MetricsAskDep) -> Ask:
    """A long query comes as a form: it is asked as one of a URL."""
    if request.method == "POST":
        ask.query = b"&".join(filter(None, (ask.query, (await request.body()).strip())))
    return ask


FormDep = Annotated[Ask, Depends(ask_with_form)]


def _parameter(name: str, *, required: bool = False, many: bool = False) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "array", "items": {"type": "string"}} if many else {"type": "string"}
    return {"name": name, "in": "query", "required": required, "schema": schema}


def _both(path: str, *parameters: dict[str, Any]) -> Callable[[Any], Any]:
    """A route by GET, and by POST with a form."""
    extra = {"parameters": list(parameters)}

    def declare(function: Any) -> Any:
        router.post(path, response_class=Response, include_in_schema=False)(function)
        return router.get(path, response_class=Response, openapi_extra=extra)(function)

    return declare


_START, _END, _MATCH = _parameter("start"), _parameter("end"), _parameter("match[]", many=True)


@_both("/query", _parameter("query", required=True), _parameter("time"))
async def prometheus_query(ask: FormDep) -> Response:
    """An expression at one time."""
    return await ask.get(f"{PREFIX}/query")


@_both("/query_range", _parameter("query", required=True), _START, _END, _parameter("step"))
async def prometheus_query_range(ask: FormDep) -> Response:
    """An expression over a time."""
    return await ask.get(f"{PREFIX}/query_range")


@_both("/query_exemplars", _parameter("query", required=True), _START, _END)
async def prometheus_exemplars(ask: FormDep) -> Response:
    """Exemplars: from a histogram to the traces behind it."""
    return await ask.get(f"{PREFIX}/query_exemplars")


@_both("/series", _MATCH, _START, _END)
async def prometheus_series(ask: FormDep) -> Response:
    """Series that match."""
    return await ask.get(f"{PREFIX}/series")


@_both("/labels", _MATCH, _START, _END)
async def prometheus_labels(ask: FormDep) -> Response:
    """Names of labels."""
    return await ask.get(f"{PREFIX}/labels")


@router.get("/label/{name}/values", openapi_extra={"parameters": [_MATCH, _START, _END]}, response_class=Response)
async def prometheus_label_values(name: str, ask: MetricsAskDep) -> Response:
    """Values of a label."""
    return await ask.get(f"{PREFIX}/label/{{}}/values", name)


@router.get("/metadata", response_class=Response)
async def prometheus_metadata(ask: MetricsAskDep) -> Response:
    """Kind, unit and meaning of each metric."""
    return await ask.get(f"{PREFIX}/metadata")


@router.get("/rules", response_class=Response)
async def prometheus_rules(ask: MetricsAskDep) -> Response:
    """Rules, and how they stand."""
    return await ask.get(f"{PREFIX}/rules")


@router.get("/alerts", response_class=Response)
async def prometheus_alerts(ask: MetricsAskDep) -> Response:
    """Alerts that are pending or firing."""
    return await ask.get(f"{PREFIX}/alerts")


@router.get("/status/buildinfo", response_class=Response)
async def prometheus_buildinfo(ask: MetricsAskDep) -> Response:
    """What Grafana asks first, to know what it can ask for."""
    return await ask.get(f"{PREFIX}/status/buildinfo")


@router.get("/{path:path}", include_in_schema=False)
@router.post("/{path:path}", include_in_schema=False)
async def prometheus_else(path: str, _ask: MetricsAskDep) -> Response:
    """What else Prometheus has."""
    raise NotOffered(f"Lumina does not answer /api/v1/{path[:100]}.", next_step="See /docs for what it has.")
