"""Errors on the wire: RFC 9457 problem details with a stable code and the next step."""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from lumina_kit import logs
from lumina_kit.errors import LuminaError, TooMany

MEDIA_TYPE = "application/problem+json"
MOST_FIELD_ERRORS = 20
log = logs.get(__name__)

_NEXT_STEPS = {
    HTTPStatus.BAD_REQUEST: "Send the whole body, in the form that /docs shows for this route.",
    HTTPStatus.NOT_FOUND: "See /docs for the routes that there are.",
    HTTPStatus.METHOD_NOT_ALLOWED: "The header Allow names the methods of this route; see /docs.",
}


class Problem(BaseModel):
    """What went wrong (RFC 9457). `code` is stable, `next_step` says what to do."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    next_step: str | None
    errors: list[dict[str, Any]] | None = None


def problems(*errors: type[LuminaError]) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that may raise these."""
    by_status: dict[int | str, list[str]] = {}
    for error in errors:
        by_status.setdefault(error.status, []).append(f"{error.title} (`{error.code}`)")
    return {status: _documented("; ".join(titles)) for status, titles in by_status.items()}


def install(app: FastAPI) -> None:
    """Render every error of the app as a problem."""
    app.add_exception_handler(LuminaError, _lumina_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(Exception, _unexpected)


def response(error: LuminaError) -> JSONResponse:
    """One error as an answer."""
    answer = _answer(error.status, error.title, error.code, error.message, error.next_step)
    if isinstance(error, TooMany) and error.retry_after is not None:
        answer.headers["retry-after"] = str(max(1, round(error.retry_after)))
    if error.status == HTTPStatus.UNAUTHORIZED:
        answer.headers["www-authenticate"] = "Bearer"
    return answer


def _documented(description: str) -> dict[str, Any]:
    return {"description": description, "content": {MEDIA_TYPE: {"schema": Problem.model_json_schema()}}}


async def _lumina_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, LuminaError)  # the handler is registered for it
    return response(error)


async def _http_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # the handler is registered for it
    if isinstance(error.__cause__, LuminaError):  # FastAPI wraps what is raised while it reads a body
        return response(error.__cause__)
    status = HTTPStatus(error.status_code)
    next_step = _NEXT_STEPS.get(status, "See /docs for what there is.")
    answer = _answer(status, status.phrase, status.name.lower(), str(error.detail), next_step)
    answer.headers.update(error.headers or {})
    return answer


async def _malformed(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # the handler is registered for it
    found = error.errors()
    fields = [{"loc": list(map(str, e["loc"])), "message": e["msg"]} for e in found[:MOST_FIELD_ERRORS]]
    where = ".".join(fields[0]["loc"]) if fields else "body"
    detail = f"{where}: {fields[0]['message']}" if fields else "The request is malformed."
    return _answer(
        422, "Malformed request", "malformed_request", detail, "See /docs for what this route takes.", fields
    )


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    log.error("unhandled error", path=request.url.path, exc_info=error)
    detail = "Lumina failed to answer; the log holds the reason."
    return _answer(500, "Internal error", "internal_error", detail, "Look for this time in the log, and report it.")


def _answer(
    status: int, title: str, code: str, detail: str, next_step: str | None, errors: list[dict[str, Any]] | None = None
) -> JSONResponse:
    problem = Problem(
        type=f"urn:lumina:problem:{code}", title=title, status=status, detail=detail,
        code=code, next_step=next_step, errors=errors,
    )  # fmt: skip
    return JSONResponse(problem.model_dump(exclude_none=True), status_code=status, media_type=MEDIA_TYPE)
