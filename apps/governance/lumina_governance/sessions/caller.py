"""Who signs in or out, from where: dependencies."""

from typing import Annotated

from fastapi import Depends, Request

from lumina_governance.errors import NotAPerson
from lumina_kit.auth import Principal, check_origin, require
from lumina_kit.roles import Permission

Caller = Annotated[Principal, require(Permission.SELF_READ)]


def a_person(who: Caller) -> Principal:
    """The caller, if it is a person. Raises NotAPerson."""
    if who.kind != "person":
        raise NotAPerson(f"The key {who.name} is not a person.", next_step="Sign in with a person's session.")
    return who


def address(request: Request) -> str:
    """Where the request comes from, as the server sees it."""
    return request.client.host if request.client else "unknown"


def from_here(request: Request) -> None:
    """Refuse a sign-in that another site's page sends. A program sends no Origin, and a browser always does."""
    if "origin" in request.headers:
        check_origin(request)


PersonCaller = Annotated[Principal, Depends(a_person)]
Address = Annotated[str, Depends(address)]
FromHere = Depends(from_here)
