"""`/healthz`, `/readyz` and `/metrics`."""

from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from lumina_kit.auth import Principal, require
from lumina_kit.roles import Permission
from lumina_platform.control.readiness import Status, can_serve, judged
from lumina_platform.control.reporting import gather
from lumina_platform.control.telemetry_metrics import of_telemetry
from lumina_platform.control.world import WorldDep

router = APIRouter(tags=["health"])

MetricsReader = Annotated[Principal, require(Permission.METRICS_READ)]


class Alive(BaseModel):
    """The process answers."""

    status: str


class Ready(BaseModel):
    """Whether the control plane can serve, and the state of its parts."""

    status: Status
    parts: dict[str, str]


@router.get("/healthz")
def healthz() -> Alive:
    """Whether the process answers; open to everyone."""
    return Alive(status="ok")


@router.get("/readyz", responses={503: {"model": Ready}})
@router.get("/health", include_in_schema=False)
async def readyz(world: WorldDep, answer: Response) -> Ready:
    """200 once the control plane can serve, else 503; open to everyone."""
    states = await world.readiness.states()
    answer.status_code = 200 if can_serve(states) else 503
    return Ready(status=judged(states), parts=states)


@router.get("/metrics", response_class=Response)
async def metrics(request: Request, world: WorldDep, _who: MetricsReader) -> Response:
    """Numbers of control and telemetry, as Prometheus's text or OpenMetrics.

    For a key with the scope `metrics`, or a role that may read them.
    """
    world.metrics.show(await gather(world))
    theirs = await of_telemetry(world.telemetry.client)
    body, media_type = world.metrics.render(theirs, request.headers.get("accept", ""))
    return Response(body, headers={"content-type": media_type})
