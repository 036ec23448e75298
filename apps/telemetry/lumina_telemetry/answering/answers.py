"""What the process answers on its socket: JSON of dataclasses, and errors as problems (RFC 9457)."""

from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import web

from lumina_kit import logs
from lumina_kit.errors import LuminaError, TooMany
from lumina_telemetry.visibility import OWN, Visible

PROJECT_HEADER = "x-lumina-project"
"""The project that a caller of control is bound to; absent, all of Lumina is meant. Only control can reach us."""

OWN_HEADER = "x-lumina-own"
"""Set to 1 by control where a caller bound to a project may see what is Lumina's own, too."""

PROJECT_LABEL = "lumina_project_id"
"""The label that makes an alert or an objective a project's own; without it, it is of all of Lumina."""

_log = logs.get(__name__)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def scope(request: web.Request) -> Visible:
    """Whose data may be shown."""
    project = request.headers.get(PROJECT_HEADER)
    if project is None:
        return None
    return (project, OWN) if request.headers.get(OWN_HEADER) == "1" else (project,)


def answered(value: object) -> web.Response:
    """A dataclass or struct as JSON."""
    return web.Response(body=msgspec.json.encode(value), content_type="application/json")


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Errors as problems, in the form of `lumina_kit.problems`."""
    try:
        return await handler(request)
    except LuminaError as error:
        return problem(error)
    except web.HTTPException:
        raise
    except Exception as error:  # noqa: BLE001 - the edge: a bug is logged whole here, and told as nothing but that
        _log.error("unhandled error", path=request.path, exc_info=error)
        return problem(LuminaError("Telemetry failed to answer; the log holds the reason."))


def problem(error: LuminaError) -> web.Response:
    told = {
        "type": f"urn:lumina:problem:{error.code}",
        "title": error.title,
        "status": error.status,
        "detail": error.message,
        "code": error.code,
        "next_step": error.next_step,
    }
    answer = web.Response(body=msgspec.json.encode(told), status=error.status, content_type="application/problem+json")
    if isinstance(error, TooMany) and error.retry_after is not None:
        answer.headers["retry-after"] = str(max(1, round(error.retry_after)))
    return answer
