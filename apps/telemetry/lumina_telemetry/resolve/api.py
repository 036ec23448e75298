"""/api/telemetry/resolve: from any id that a user may hold to all that produced the answer."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from lumina_kit.problems import problems
from lumina_kit.roles import Permission
from lumina_telemetry.errors import BadQuery, NotResolved, QueryTooSlow, TelemetryUnavailable
from lumina_telemetry.passing import AskDep, Reader
from lumina_telemetry.resolve.joining import joined, served
from lumina_telemetry.resolve.models import ResolvedPage
from lumina_telemetry.traces.models import MatchPage
from lumina_telemetry.wiring import TelemetryDep

router = APIRouter(tags=["traces"])

AnyId = Annotated[str, Path(min_length=1, max_length=200, description="Of an answer, request, trace, span or prompt.")]


class Few(BaseModel):
    """The newest of them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    limit: int | None = Field(None, ge=1, le=100)


@router.get(
    "/resolve/{held_id:path}",
    response_model=ResolvedPage,
    responses=problems(NotResolved, BadQuery, QueryTooSlow, TelemetryUnavailable),
)
async def resolve_id(
    held_id: AnyId, _page: Annotated[Few, Query()], ask: AskDep, telemetry: TelemetryDep, who: Reader
) -> Response:
    """What served a request: by `chatcmpl-...`, request id, trace or span id, or the hash of a rendered prompt.

    A request appears within two seconds of its answer. Names of who changed what need `ledger.read`.
    """
    found = await ask.get("/resolve/{}", held_id)
    if found.status_code != 200:
        return found
    page = msgspec.json.decode(await found.whole(), type=MatchPage)
    behind = await telemetry.provenance.behind([served(match) for match in page.items])
    whole = Permission.LEDGER_READ in who.permissions
    items = [joined(match, each, whole=whole) for match, each in zip(page.items, behind, strict=True)]
    answer = msgspec.json.encode(ResolvedPage(items=items, next=page.next, cut=page.cut))
    return Response(answer, media_type="application/json")
