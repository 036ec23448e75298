"""The telemetry process as control sees it: calls over its unix socket, each bounded in time."""

from collections.abc import AsyncIterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

from lumina_kit.auth import PROJECT_HEADER
from lumina_telemetry.errors import TelemetryUnavailable

SOCKET = "telemetry.sock"
OWN_HEADER = "x-lumina-own"
CAPTURE_HEADER = "x-lumina-capture"
CONNECT_SECONDS = 1.0
ANSWER_SECONDS = 30.0
MOST_QUESTIONS, MOST_SENDERS = 100, 40
CHECK_SECONDS = 10.0
_BASE = "http://telemetry"
_PLAIN = {"accept-encoding": "identity"}  # bytes go on as they come, so nobody has to unpack them here
_FOREVER = httpx.Timeout(CONNECT_SECONDS, read=None)


@dataclass(frozen=True)
class Bounds:
    """What may be seen: a project's, and with `own` what is Lumina's own."""

    project: str
    own: bool = False


class TelemetryClient:
    """Answers come as they are, errors too: whoever asks passes them on or reads them.

    Questions and what is sent have connections of their own: who reads an answer slowly keeps no telemetry out.
    `check_seconds`: how often a caller who follows events must show again that they may.
    `enabled`: whether there is a process at all. Raises TelemetryUnavailable where no answer comes.
    """

    def __init__(self, run_dir: Path, *, enabled: bool = True) -> None:
        self._enabled = enabled
        self.check_seconds = CHECK_SECONDS
        self._questions = _http(run_dir, MOST_QUESTIONS)
        self._senders = _http(run_dir, MOST_SENDERS)

    async def get(
        self, path: str, query: Mapping[str, str] | None = None, bounds: Bounds | None = None, *,
        seconds: float = ANSWER_SECONDS, headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:  # fmt: skip
        """The whole answer. Without `bounds` all may be seen."""
        asked = {**(headers or {}), **_headers(bounds)}
        http = self._questions
        request = http.build_request("GET", path, params=query, headers=asked, timeout=seconds)
        return await self._sent(http, request, stream=False)

    async def open(self, path: str, query: str, bounds: Bounds | None, *, endless: bool = False) -> httpx.Response:
        """The answer's head; who asked reads the body and closes it. `endless`: events come whenever there are any."""
        http = self._questions
        url = httpx.URL(_BASE).copy_with(raw_path=f"{path}?{query}".removesuffix("?").encode())
        timeout = _FOREVER if endless else http.timeout
        request = http.build_request("GET", url, headers=_headers(bounds), timeout=timeout)
        return await self._sent(http, request, stream=True)

    async def send(self, path: str, body: AsyncIterable[bytes], headers: Mapping[str, str]) -> httpx.Response:
        """Send a body as it comes in; the whole answer."""
        http = self._senders
        return await self._sent(http, http.build_request("POST", path, content=body, headers=headers), stream=False)

    async def close(self) -> None:
        await self._questions.aclose()
        await self._senders.aclose()

    async def _sent(self, http: httpx.AsyncClient, request: httpx.Request, *, stream: bool) -> httpx.Response:
        if not self._enabled:
            raise _off()
        return await _sent(http, request, stream=stream)


def _http(run_dir: Path, most: int) -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=most)
    transport = httpx.AsyncHTTPTransport(uds=str(run_dir / SOCKET), limits=limits, verify=False)
    timeout = httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS, pool=CONNECT_SECONDS)
    return httpx.AsyncClient(transport=transport, base_url=_BASE, timeout=timeout, headers=_PLAIN)


async def _sent(http: httpx.AsyncClient, request: httpx.Request, *, stream: bool) -> httpx.Response:
    try:
        return await http.send(request, stream=stream)
    except httpx.PoolTimeout:
        raise away("has no connection free") from None
    except httpx.TimeoutException:
        raise away("did not answer in time") from None
    except httpx.TransportError:
        raise away("does not answer") from None


def _headers(bounds: Bounds | None) -> dict[str, str]:
    if bounds is None:
        return {}
    return {PROJECT_HEADER: bounds.project} | ({OWN_HEADER: "1"} if bounds.own else {})


def away(what: str) -> TelemetryUnavailable:
    """What a caller is told when no answer comes."""
    return TelemetryUnavailable(
        f"The telemetry process {what}.",
        next_step="`lumina status` shows how it is; one that has ended is started again by itself, "
        "one that hangs by POST /api/platform/parts/telemetry/restart.",
    )


def _off() -> TelemetryUnavailable:
    return TelemetryUnavailable(
        "Telemetry is off: nothing is stored, and nothing can be asked.",
        next_step="Set telemetry.enabled to true in lumina.yaml, or LUMINA_TELEMETRY_ENABLED, and start Lumina again.",
    )
