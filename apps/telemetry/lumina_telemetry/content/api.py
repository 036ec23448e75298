"""/api/telemetry/content: what people wrote and models answered, where a project captures it."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from lumina_kit.auth import Principal, require
from lumina_kit.pages import BadCursor, Cursor, Limit, Page
from lumina_kit.problems import problems
from lumina_kit.roles import Permission
from lumina_telemetry.content.models import Content, ContentEntry, Deleted
from lumina_telemetry.content.wiring import ContentsDep
from lumina_telemetry.errors import CaptureOff, ContentNotFound

router = APIRouter(prefix="/content", tags=["content"])

Reader = Annotated[Principal, require(Permission.CONTENT_READ)]
Deleter = Annotated[Principal, require(Permission.CONTENT_DELETE)]
TraceId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$", description="32 hexadecimal digits.")]
Few = Annotated[int, Query(ge=1, le=20, description="Records on a page; each may have a megabyte.")]
_REASON = Query(
    min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f]+$", description="The reason; the access log keeps it."
)
Why = Annotated[str, _REASON]
MaybeWhy = Annotated[str | None, _REASON]


@router.get("", responses=problems(BadCursor, CaptureOff))
async def list_content(
    contents: ContentsDep, who: Reader, cursor: Cursor = None, limit: Limit = 100
) -> Page[ContentEntry]:
    """What the project keeps, newest first, without the words."""
    return await contents.entries(who, cursor, limit)


@router.get("/{trace_id}", responses=problems(BadCursor, CaptureOff, ContentNotFound))
async def read_content(
    trace_id: TraceId, contents: ContentsDep, who: Reader, why: Why, cursor: Cursor = None, limit: Few = 20
) -> Page[Content]:
    """What was asked and answered in a trace, newest first. Every call is in the access log."""
    return await contents.read(who, trace_id, why, cursor, limit)


@router.delete("/{trace_id}")
async def delete_content(trace_id: TraceId, contents: ContentsDep, who: Deleter, why: MaybeWhy = None) -> Deleted:
    """Forget what was asked and answered in a trace. Spans stay: they hold no words."""
    return await contents.forget(who, trace_id, why)


@router.delete("")
async def delete_all_content(contents: ContentsDep, who: Deleter, why: MaybeWhy = None) -> Deleted:
    """Forget everything that the project has captured."""
    return await contents.forget(who, None, why)
