"""What the control plane serves to Lumina's other processes, on a unix socket in the private run folder."""

from urllib.parse import parse_qs

from msgspec import json
from starlette.types import Receive, Scope, Send

from lumina_contracts.content import MOST_BYTES as MOST_CONTENT_BYTES
from lumina_platform.control.contentdesk import ContentDesk
from lumina_platform.control.keydesk import KeyDesk
from lumina_platform.control.snapshots import SnapshotHub

SOCKET_NAME = "control.sock"
LONGEST_WAIT_SECONDS = 30.0
MOST_BYTES = 64 * 1024
CALLER = b"x-lumina-caller"
KEY_ROUTES = frozenset(
    {("POST", "/key/generate"), ("POST", "/key/update"), ("POST", "/key/delete"), ("GET", "/key/info")}
)


class InternalApp:
    """`GET /snapshot?known=VERSION&wait=SECONDS`: 200 with one that is not the known, else 304 in the end.

    `/key/...`: LiteLLM's key routes, for the key whose id is in `x-lumina-caller`. Who can open the socket is one of
    our own processes, so that id is believed. `POST /content`: what people wrote, for the store of captured content.
    """

    def __init__(self, hub: SnapshotHub, keys: KeyDesk, content: ContentDesk) -> None:
        self._hub = hub
        self._keys = keys
        self._content_desk = content

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        asked = (scope["method"], scope["path"])
        if asked == ("GET", "/snapshot"):
            await self._snapshot(scope, send)
        elif asked in KEY_ROUTES:
            await self._key(scope, receive, send)
        elif asked == ("POST", "/content"):
            await self._content(receive, send)
        else:
            await _answer(send, 404, b"")

    async def _snapshot(self, scope: Scope, send: Send) -> None:
        query = _query(scope)
        snapshot = await self._hub.newer_than(query.get("known"), _wait(query))
        if snapshot is None:
            await _answer(send, 304, b"")
        else:
            await _answer(send, 200, json.encode(snapshot))

    async def _key(self, scope: Scope, receive: Receive, send: Send) -> None:
        caller = dict(scope["headers"]).get(CALLER)
        body = await _body(receive, MOST_BYTES)
        if caller is None or body is None:
            await _answer(send, 400, b"")
            return
        answer = await self._keys.answer(scope["path"], _query(scope), body, caller.decode("latin-1"))
        await _answer(send, answer.status, answer.body)

    async def _content(self, receive: Receive, send: Send) -> None:
        body = await _body(receive, MOST_CONTENT_BYTES)
        if body is None:
            await _answer(send, 413, b"")
            return
        status, told = await self._content_desk.answer(body)
        await _answer(send, status, told)


def _query(scope: Scope) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(scope["query_string"].decode("latin-1")).items()}


def _wait(query: dict[str, str]) -> float:
    """The seconds that the caller will wait, within our own bound."""
    try:
        wanted = float(query["wait"])
    except (KeyError, ValueError):
        wanted = LONGEST_WAIT_SECONDS
    return min(max(wanted, 0.0), LONGEST_WAIT_SECONDS)


async def _body(receive: Receive, most: int) -> bytes | None:
    """The whole body; None if there is too much of it, or its end does not come."""
    body = bytearray()
    while len(body) <= most:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        if not message.get("more_body", False):
            return bytes(body) if len(body) <= most else None
    return None


async def _answer(send: Send, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
