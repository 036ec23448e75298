"""LiteLLM's /key/* for those who script them. Control keeps the keys; the gateway says who asks, and what was spent."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, UnixConnector
from msgspec import DecodeError, Raw, Struct, json
from yarl import URL

from lumina_contracts.snapshot import MASTER_KEY_ID, Period
from lumina_inference.gateway.auth import authenticate
from lumina_inference.gateway.bodies import Bodies
from lumina_inference.gateway.calls import Call
from lumina_inference.gateway.errors import ApiError, BodyTooLarge, ScopeMissing
from lumina_inference.gateway.index import Caller
from lumina_inference.gateway.limits.store import StoreUnavailable
from lumina_inference.gateway.replies import Reply, reply
from lumina_inference.gateway.snapshots import Snapshots
from lumina_kit.clock import Clock

Spent = Callable[[str, Period], Awaitable[int]]
"""What a subject, `key:<id>`, has spent in the current UTC `day` or `month`, in nano-USD. Raises StoreUnavailable."""

CALLER = "x-lumina-caller"
_MAX_BODY = 64 * 1024
_MAX_ANSWER = 2**20
_TIMEOUT = ClientTimeout(total=15, connect=3)
_IN_FORCE_SECONDS = 3.0
_NANO_PER_USD = 10**9
_SERVER_ERROR = 500


class ControlAway(ApiError):
    """Control did not answer, or failed."""

    status = 503
    code = "control_unavailable"


class _Made(Struct):
    token_id: str


class _Info(Struct):
    key: str | None
    info: dict[str, Any]


class KeyAdmin:
    """Passes on to control what an admin's key, or the configuration's master key, asks; an async context."""

    def __init__(self, socket: Path, bodies: Bodies, snapshots: Snapshots, spent: Spent, now: Clock) -> None:
        self._bodies = bodies
        self._snapshots = snapshots
        self._spent = spent
        self._now = now
        self._session = ClientSession(connector=UnixConnector(str(socket)), timeout=_TIMEOUT)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def generate(self, call: Call) -> Reply:
        """`POST /key/generate`: answers when this gateway accepts the new key, or after three seconds."""
        status, content = await self._change(call, "/key/generate")
        if status < 300:
            made = json.decode(content, type=_Made)
            await self._until(lambda: self._is_in_force(made.token_id))
        return reply(call, content, status=status)

    async def update(self, call: Call) -> Reply:
        """`POST /key/update`: limits of a key."""
        status, content = await self._change(call, "/key/update")
        return reply(call, content, status=status)

    async def delete(self, call: Call) -> Reply:
        """`POST /key/delete`: the keys are refused within a second, here and at every other gateway."""
        status, content = await self._change(call, "/key/delete")
        return reply(call, content, status=status)

    async def info(self, call: Call) -> Reply:
        """`GET /key/info?key=`: a key, else the caller's own, with what it spent in this UTC day or month."""
        caller = authenticate(call, self._now)
        key = call.request.rel_url.query.get("key")
        if key is not None:
            _require_admin(caller)
        url = _control("/key/info").with_query({"key": key} if key else {})
        status, content = await self._ask(caller, "GET", url, None)
        if status < 300:
            content = await self._with_spend(content)
        return reply(call, content, status=status)

    async def _change(self, call: Call, path: str) -> tuple[int, bytes]:
        caller = authenticate(call, self._now)
        _require_admin(caller)
        try:
            body = await self._bodies.read(call)
            if len(body) > _MAX_BODY:
                raise BodyTooLarge(f"A request for a key has {_MAX_BODY:,} bytes at most.")
            return await self._ask(caller, "POST", _control(path), body)
        finally:
            self._bodies.release(call)

    async def _ask(self, caller: Caller, method: str, url: URL, body: bytes | None) -> tuple[int, bytes]:
        """Control's status and JSON. Raises ControlAway."""
        headers = {CALLER: caller.key.id, "Content-Type": "application/json"}
        try:
            async with self._session.request(
                method, url, data=body, headers=headers, allow_redirects=False
            ) as response:
                return response.status, await _content(response)
        except (ClientError, OSError, TimeoutError, DecodeError):
            raise ControlAway(
                "Keys are kept by the control plane, which does not answer. Those in force go on being served; "
                "try again when `lumina status` shows control as ready.",
                headers={"Retry-After": "2"},
            ) from None

    async def _with_spend(self, content: bytes) -> bytes:
        found = json.decode(content, type=_Info)
        period: Period = "day" if found.info.get("budget_duration") == "1d" else "month"
        try:
            spent = await self._spent(f"key:{found.info['lumina_key_id']}", period)
        except StoreUnavailable:
            return json.encode(found)
        found.info["spend"] = spent / _NANO_PER_USD
        return json.encode(found)

    async def _until(self, condition: Callable[[], bool]) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_IN_FORCE_SECONDS):
                await self._snapshots.wait_until(condition)

    def _is_in_force(self, sha256: str) -> bool:
        index = self._snapshots.current
        return index is not None and sha256 in index.callers


def _require_admin(caller: Caller) -> None:
    if caller.key.role != "admin" and caller.key.id != MASTER_KEY_ID:
        raise ScopeMissing(
            "Keys are managed with an admin's key: the one in admin.key, one with the role admin, "
            "or the configuration's master_key."
        )


def _control(path: str) -> URL:
    return URL(f"http://control{path}")


async def _content(response: ClientResponse) -> bytes:
    """The answer, which is small and JSON. A failure of control itself is not passed on."""
    if response.status >= _SERVER_ERROR or not 0 < (response.content_length or 0) <= _MAX_ANSWER:
        raise ClientError(f"Control failed with status {response.status}.")
    content = await response.read()
    json.decode(content, type=Raw)
    return content
