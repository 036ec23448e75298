"""/api/telemetry: what the composition root includes."""

from importlib.metadata import version
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel

from lumina_kit.auth import Principal, require
from lumina_kit.roles import Permission
from lumina_telemetry.content.api import router as content

router = APIRouter(tags=["telemetry"])

Caller = Annotated[Principal, require(Permission.SELF_READ)]


class About(BaseModel):
    """Which version of the app answers, and as whom it knows the caller."""

    version: str
    caller: str


@router.get("/about")
async def about_telemetry(who: Caller) -> About:
    """The version of this app."""
    return About(version=version("lumina-telemetry"), caller=who.name)


router.include_router(content)
