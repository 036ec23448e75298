"""The content store as the root keeps it: `app.state.contents`."""

from typing import Annotated

from fastapi import Depends, Request

from lumina_telemetry.content.service import Contents


def contents(request: Request) -> Contents:
    found: Contents = request.app.state.contents
    return found


ContentsDep = Annotated[Contents, Depends(contents)]
