"""/api/governance/keys."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter

from lumina_governance.errors import (
    AboveMaker,
    BuiltinKey,
    KeyNotFound,
    LimitedMaker,
    NoBudget,
    NotYourKey,
    PastExpiry,
    RaisedLimit,
    RevokedKey,
)
from lumina_governance.keys.models import Key, KeyUpdate, NewKey
from lumina_governance.wiring import KeysDep
from lumina_kit.auth import Principal, require
from lumina_kit.pages import BadCursor, Cursor, Limit, Page
from lumina_kit.problems import problems
from lumina_kit.roles import Permission

router = APIRouter(prefix="/keys", tags=["keys"])

Reader = Annotated[Principal, require(Permission.KEYS_READ)]
Writer = Annotated[Principal, require(Permission.KEYS_WRITE)]


class ShownKey(Key):
    """A key with its secret, which is shown this once."""

    secret: str


@router.get("", responses=problems(BadCursor))
async def list_keys(keys: KeysDep, who: Reader, cursor: Cursor = None, limit: Limit = 100) -> Page[Key]:
    """The keys of the project, newest first, revoked ones too."""
    return await keys.store.page(who.project_id, cursor, limit)


@router.get("/{key_id}", responses=problems(KeyNotFound))
async def read_key(key_id: UUID, keys: KeysDep, who: Reader) -> Key:
    """One key of the project."""
    return await keys.store.get(key_id, who.project_id)


@router.post("", status_code=201, responses=problems(AboveMaker, LimitedMaker, PastExpiry, NoBudget))
async def create_key(new: NewKey, keys: KeysDep, who: Writer) -> ShownKey:
    """Make a key in the project; its secret is shown this once. At the gateway it works within a second."""
    key, secret = await keys.create(new, who)
    return ShownKey(**key.model_dump(), secret=secret.text)


@router.patch("/{key_id}", responses=problems(KeyNotFound, NotYourKey, RaisedLimit, BuiltinKey, RevokedKey, NoBudget))
async def change_key(key_id: UUID, update: KeyUpdate, keys: KeysDep, who: Writer) -> Key:
    """Change a key's limits, at the gateway within a second. Its maker may lower them; raising takes `keys.manage`."""
    return await keys.change(key_id, update, who)


@router.delete("/{key_id}", responses=problems(KeyNotFound, NotYourKey, BuiltinKey))
async def revoke_key(key_id: UUID, keys: KeysDep, who: Writer) -> Key:
    """Revoke a key: here at once, at the gateway within a second, or when control is back."""
    return await keys.revoke(key_id, who)
