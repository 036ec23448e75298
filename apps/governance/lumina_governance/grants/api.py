"""Who holds a permission that no role has: /api/governance/grants, and below people and keys."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter

from lumina_governance.errors import (
    GrantNotFound,
    KeyNotFound,
    NotInProject,
    PersonDisabled,
    PersonNotFound,
    RevokedKey,
)
from lumina_governance.grants.models import Grant, Grantable, NewGrant
from lumina_governance.grants.store import GrantStore
from lumina_governance.wiring import GrantsDep, Transaction
from lumina_kit.auth import Principal, require
from lumina_kit.pages import BadCursor, Cursor, Limit, Page
from lumina_kit.problems import problems
from lumina_kit.roles import Permission

router = APIRouter(tags=["grants"])

Reader = Annotated[Principal, require(Permission.ACCESS_READ)]
Writer = Annotated[Principal, require(Permission.PEOPLE_WRITE)]


@router.get("/grants", responses=problems(BadCursor))
async def list_grants(session: Transaction, who: Reader, cursor: Cursor = None, limit: Limit = 100) -> Page[Grant]:
    """Grants, newest first, those of the past too. Without rights everywhere: those in the caller's project."""
    return await GrantStore(session).page(who, cursor, limit)


@router.put("/people/{person_id}/grants/{permission}", responses=problems(PersonNotFound, PersonDisabled, NotInProject))
async def grant_to_person(
    person_id: UUID, permission: Grantable, new: NewGrant, grants: GrantsDep, who: Writer
) -> Grant:
    """Grant a permission in the project of `X-Lumina-Project`, for some hours; from the next request on.

    It takes the place of an earlier grant of the same.
    """
    return await grants.to_person(person_id, permission, new, who)


@router.put("/keys/{key_id}/grants/{permission}", responses=problems(KeyNotFound, RevokedKey))
async def grant_to_key(key_id: UUID, permission: Grantable, new: NewGrant, grants: GrantsDep, who: Writer) -> Grant:
    """Grant a permission to a key in the project of `X-Lumina-Project`, for some hours; from the next request on.

    It takes the place of an earlier grant of the same.
    """
    return await grants.to_key(key_id, permission, new, who)


@router.delete("/grants/{grant_id}", responses=problems(GrantNotFound))
async def revoke_grant(grant_id: UUID, grants: GrantsDep, who: Writer) -> Grant:
    """End a grant at once. It stays in the list."""
    return await grants.revoke(grant_id, who)
