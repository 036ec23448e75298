"""The files that the pages need, all from this server: they work with the network off."""

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import Response

from lumina_kit.errors import NotFound

OWN = Path(__file__).parent / "static"
REDOC_LOGO = b"https://cdn.redoc.ly/redoc/logo-mini.svg"  # the one picture that a bundle asks of another server
LOCAL_LOGO = b"/static/favicon.svg"

router = APIRouter(prefix="/static", include_in_schema=False)


class AssetNotFound(NotFound):
    code = "asset_not_found"
    title = "No such file"


@dataclass(frozen=True)
class Asset:
    """A file as it is served."""

    path: Path
    media_type: str

    def read(self) -> bytes:
        return self.path.read_bytes().replace(REDOC_LOGO, LOCAL_LOGO)


@cache
def assets() -> dict[str, Asset]:
    """Every file by its name: our own, and the bundles of Swagger UI and ReDoc."""
    bundles = _bundles()
    return {
        "page.css": Asset(OWN / "page.css", "text/css"),
        "favicon.svg": Asset(OWN / "favicon.svg", "image/svg+xml"),
        "swagger.js": Asset(OWN / "swagger.js", "text/javascript"),
        "redoc.js": Asset(OWN / "redoc.js", "text/javascript"),
        "swagger-ui.css": Asset(bundles / "swagger-ui.css", "text/css"),
        "swagger-ui-bundle.js": Asset(bundles / "swagger-ui-bundle.js", "text/javascript"),
        "redoc.standalone.js": Asset(bundles / "redoc.standalone.js", "text/javascript"),
    }


@router.get("/{name}")
def read_asset(name: str, request: Request) -> Response:
    """One file; a browser that has it is told so."""
    asset = assets().get(name)
    if asset is None:
        raise AssetNotFound(f"There is no file {name[:80]!r}.", next_step="Go to /docs or /sign-in.")
    headers = {"etag": _etag(name), "cache-control": "no-cache"}
    if request.headers.get("if-none-match") == headers["etag"]:
        return Response(status_code=304, headers=headers)
    return Response(asset.read(), media_type=asset.media_type, headers=headers)


@cache
def _etag(name: str) -> str:
    return f'"{hashlib.sha256(assets()[name].read()).hexdigest()[:32]}"'


def _bundles() -> Path:
    spec = find_spec("fastapi_offline")
    if spec is None or spec.origin is None:
        raise RuntimeError("the package fastapi-offline, which holds the bundles of the API pages, is not installed")
    return Path(spec.origin).parent / "static"
