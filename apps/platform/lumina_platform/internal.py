"""What the control plane serves to Lumina's other processes, on a unix socket in the private run folder."""

from urllib.parse import parse_qs

from msgspec import json
from starlette.types import Receive, Scope, Send

from lumina_platform.control.snapshots import SnapshotHub

SOCKET_NAME = "control.sock"
LONGEST_WAIT_SECONDS = 30.0


class InternalApp:
    """`GET /snapshot?known=VERSION&wait=SECONDS`: 200 with one that is not the known, else 304 in the end."""

    def __init__(self, hub: SnapshotHub) -> None:
        self._hub = hub

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        if (scope["method"], scope["path"]) != ("GET", "/snapshot"):
            await _answer(send, 404, b"")
            return
        query = parse_qs(scope["query_string"].decode("latin-1"))
        snapshot = await self._hub.newer_than(query.get("known", [None])[0], _wait(query))
        if snapshot is None:
            await _answer(send, 304, b"")
        else:
            await _answer(send, 200, json.encode(snapshot))


def _wait(query: dict[str, list[str]]) -> float:
    """The seconds that the caller will wait, within our own bound."""
    try:
        wanted = float(query["wait"][0])
    except (KeyError, ValueError):
        wanted = LONGEST_WAIT_SECONDS
    return min(max(wanted, 0.0), LONGEST_WAIT_SECONDS)


async def _answer(send: Send, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
