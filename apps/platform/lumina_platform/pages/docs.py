"""`/docs`, `/redoc` and `/openapi.json`, for who is signed in; `/` leads there until there is a portal."""

from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from lumina_kit.auth import Principal, require
from lumina_kit.roles import Permission
from lumina_platform.control.description import described
from lumina_platform.pages.policy import page

HOME = "/docs"

router = APIRouter(include_in_schema=False)

Reader = Annotated[Principal, require(Permission.DOCS_READ)]

TITLE = "Lumina API"
SWAGGER = """<div id="docs"></div>
<script src="/static/swagger-ui-bundle.js"></script>
<script src="/static/swagger.js"></script>
"""
REDOC = """<div id="docs"></div>
<script src="/static/redoc.standalone.js"></script>
<script src="/static/redoc.js"></script>
"""


@router.get("/")
def go_home() -> RedirectResponse:
    """To the API pages."""
    return RedirectResponse(HOME, status_code=303)


@router.get("/docs")
def swagger(_who: Reader) -> HTMLResponse:
    """Swagger UI."""
    return page(TITLE, SWAGGER, "swagger-ui.css")


@router.get("/redoc")
def redoc(_who: Reader) -> HTMLResponse:
    """ReDoc."""
    return page(TITLE, REDOC, inline_styles=True)


@router.get("/openapi.json")
def openapi(request: Request, _who: Reader) -> dict[str, Any]:
    """The API's description, OpenAPI 3.1."""
    return described(request.app)
