"""/otlp/v1/*: telemetry of any program, in protobuf or JSON, gzipped or plain."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from lumina_kit.auth import Principal, require
from lumina_kit.limits import BodyTooLarge
from lumina_kit.problems import problems
from lumina_kit.roles import Permission
from lumina_platform.control.bodies import UnsupportedBody
from lumina_platform.control.otlpdoor import OtlpBusy
from lumina_platform.control.world import WorldDep
from lumina_telemetry.errors import BadOtlp, DiskFull, IntakeFull, TelemetryUnavailable

PREFIX = "/otlp"
BODY_BYTES = 32 * 2**20
PATHS = tuple(f"{PREFIX}/v1/{signal}" for signal in ("traces", "logs", "metrics"))
REFUSALS = (BadOtlp, BodyTooLarge, UnsupportedBody, OtlpBusy, IntakeFull, TelemetryUnavailable, DiskFull)

router = APIRouter(prefix="/v1", tags=["otlp"])
Sender = Annotated[Principal, require(Permission.OTLP_WRITE)]

_FORMS = {
    "application/x-protobuf": {"schema": {"type": "string", "format": "binary"}},
    "application/json": {"schema": {"type": "object"}},
}
_ROUTE: dict[str, Any] = {
    "response_class": Response,
    "responses": {
        200: {"description": "Taken in; `partialSuccess` tells what was not.", "content": _FORMS},
        **problems(*REFUSALS),
    },
    "openapi_extra": {"requestBody": {"required": True, "description": "An OTLP export request.", "content": _FORMS}},
}


async def _passed(request: Request, world: WorldDep, who: Sender) -> Response:
    path = request.scope["path"].removeprefix(PREFIX)
    return await world.otlp.passed(path, request.headers, request.stream(), who)


Passed = Annotated[Response, Depends(_passed)]


@router.post("/traces", **_ROUTE)
async def export_traces(answer: Passed) -> Response:
    """Take in spans. They belong to the project of the key, whatever they say themselves."""
    return answer


@router.post("/logs", **_ROUTE)
async def export_logs(answer: Passed) -> Response:
    """Take in log records."""
    return answer


@router.post("/metrics", **_ROUTE)
async def export_metrics(answer: Passed) -> Response:
    """Take in points of metrics. Names that begin with `lumina` are refused: those are Lumina's own."""
    return answer
