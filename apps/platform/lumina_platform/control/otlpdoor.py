"""Passes export requests on to the telemetry process, a bounded number at once."""

from collections.abc import AsyncIterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from starlette.responses import Response

from lumina_kit import problems
from lumina_kit.auth import PROJECT_HEADER, Principal
from lumina_kit.errors import TooMany
from lumina_platform.control.bodies import UnsupportedBody
from lumina_platform.control.snapshots import SnapshotHub
from lumina_telemetry.client import CAPTURE_HEADER, TelemetryClient
from lumina_telemetry.errors import TelemetryUnavailable

MOST_AT_ONCE = 32
RETRY_SECONDS = 1
AWAY_SECONDS = 5
_CODINGS = frozenset({"", "identity", "gzip", "deflate"})
_IN = ("content-type", "content-encoding", "content-length")
_OUT = ("content-type", "retry-after")


class OtlpBusy(TooMany):
    code = "otlp_busy"
    title = "Too many export requests at once"


@dataclass
class OtlpDoor:
    """Senders wait for a place only by coming again: what waited here would take memory."""

    client: TelemetryClient
    hub: SnapshotHub
    most: int = MOST_AT_ONCE
    taken: int = field(default=0, init=False)

    async def passed(
        self, path: str, headers: Mapping[str, str], body: AsyncIterable[bytes], who: Principal
    ) -> Response:
        """Telemetry's answer to the body as it comes in. Raises OtlpBusy, UnsupportedBody."""
        _check_coding(headers.get("content-encoding", ""))
        sent = {name: headers[name] for name in _IN if name in headers} | self._of_project(str(who.project_id))
        with self._place():
            try:
                reply = await self.client.send(path, body, sent)
            except TelemetryUnavailable as error:
                answer = problems.response(error)
                answer.headers["retry-after"] = str(AWAY_SECONDS)
                return answer
        kept = {name: reply.headers[name] for name in _OUT if name in reply.headers}
        return Response(reply.content, reply.status_code, kept)

    def _of_project(self, project: str) -> dict[str, str]:
        """Whose it is, and whether prompts and answers in it go to the content store; without, they are thrown away."""
        captures = self.hub.current is not None and project in self.hub.current.keys.captures
        return {PROJECT_HEADER: project} | ({CAPTURE_HEADER: "1"} if captures else {})

    @contextmanager
    def _place(self) -> Iterator[None]:
        if self.taken >= self.most:
            raise OtlpBusy(
                f"{self.most} export requests are on their way already.",
                retry_after=RETRY_SECONDS,
                next_step="Send again a second later, as exporters do; fewer and larger batches are cheaper.",
            )
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1


def _check_coding(coding: str) -> None:
    if coding.strip().lower() not in _CODINGS:
        raise UnsupportedBody(
            f"The body is coded as {coding[:80]}.",
            next_step="Send it plain, or by gzip: OTEL_EXPORTER_OTLP_COMPRESSION=gzip.",
        )
