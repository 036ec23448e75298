"""LiteLLM's /key/* for the gateway, which has authenticated the caller and names it by its key's id."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from uuid import UUID

from pydantic import ValidationError

from lumina_contracts.snapshot import MASTER_KEY_ID
from lumina_governance.errors import UnknownKey
from lumina_governance.litellm.models import Delete, Generate, Update
from lumina_governance.litellm.service import LiteLlmKeys
from lumina_governance.projects.store import ProjectStore
from lumina_governance.wiring import Governance
from lumina_inference.service import Inference
from lumina_kit.auth import Principal
from lumina_kit.errors import LuminaError, NotFound
from lumina_kit.ledger import Actor
from lumina_kit.roles import Role

Change = Callable[[LiteLlmKeys, bytes], Awaitable[object]]
_TYPES = {
    HTTPStatus.UNAUTHORIZED: "auth_error",
    HTTPStatus.FORBIDDEN: "auth_error",
    HTTPStatus.NOT_FOUND: "not_found_error",
}


class MasterKey(Principal):
    """The master key of the gateway's configuration: no row of ours, and an admin of its project's keys."""

    @property
    def actor(self) -> Actor:
        return Actor("key", MASTER_KEY_ID, "general_settings.master_key")


@dataclass(frozen=True)
class Answer:
    """A status and a JSON body, in LiteLLM's shape."""

    status: int
    body: bytes


@dataclass(frozen=True)
class KeyDesk:
    """Answers what the gateway passes on."""

    governance: Governance
    inference: Inference

    async def answer(self, path: str, query: Mapping[str, str], body: bytes, caller: str) -> Answer:
        """Do what is asked, in one transaction."""
        try:
            who = await self._caller(caller)
            async with self.governance.database.session() as session:
                found = await _ask(LiteLlmKeys(session, self.governance.now, who), path, query, body)
        except ValidationError as error:
            return _malformed(error)
        except LuminaError as error:
            return _refused(error)
        return Answer(HTTPStatus.OK, json.dumps(found).encode())

    async def _caller(self, key_id: str) -> Principal:
        """Who has this key, if it is still in force. Raises UnknownKey."""
        if key_id != MASTER_KEY_ID:
            return await self.governance.credentials.by_id(_uuid(key_id))
        async with self.governance.database.session() as session:
            project = await ProjectStore(session).default()
        if project is None or self.inference.master_key(str(project.id)) is None:
            raise UnknownKey("The configuration has no such master key any more.", next_step="Use an admin key.")
        return MasterKey("key", UUID(int=0), MASTER_KEY_ID, Role.ADMIN, frozenset(), project.id)


async def _ask(keys: LiteLlmKeys, path: str, query: Mapping[str, str], body: bytes) -> object:
    if path == "/key/info":
        key = query.get("key")
        info = await keys.info(key)
        return {"key": key or info.token_id, "info": info.model_dump(mode="json")}
    change = _CHANGES.get(path)
    if change is None:
        raise NotFound(f"There is no {path[:100]} here.")
    return await change(keys, body)


async def _generate(keys: LiteLlmKeys, body: bytes) -> object:
    return (await keys.generate(Generate.model_validate_json(body or b"{}"))).model_dump(mode="json")


async def _update(keys: LiteLlmKeys, body: bytes) -> object:
    asked = Update.model_validate_json(body)
    return {"key": asked.key, **(await keys.update(asked)).model_dump(mode="json")}


async def _delete(keys: LiteLlmKeys, body: bytes) -> object:
    return {"deleted_keys": await keys.delete(Delete.model_validate_json(body))}


_CHANGES: Mapping[str, Change] = {"/key/generate": _generate, "/key/update": _update, "/key/delete": _delete}


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise UnknownKey(f"{text[:80]!r} is no key's id.") from None


def _refused(error: LuminaError) -> Answer:
    """What LiteLLM calls a bad request is 400 also where Lumina's API says 422 or 409."""
    kept = error.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}
    status = HTTPStatus(error.status) if kept else HTTPStatus.BAD_REQUEST
    told = f"{error.message} {error.next_step}" if error.next_step else error.message
    return _error(status, told, _TYPES.get(status, "bad_request_error"), None)


def _malformed(error: ValidationError) -> Answer:
    first = error.errors(include_input=False, include_url=False)[0]
    where = ".".join(map(str, first["loc"])) or "body"
    return _error(HTTPStatus.BAD_REQUEST, f"{where}: {first['msg']}", "bad_request_error", where)


def _error(status: HTTPStatus, message: str, kind: str, param: str | None) -> Answer:
    told = {"message": message, "type": kind, "param": param, "code": str(status.value)}
    return Answer(status, json.dumps({"error": told}).encode())
