"""One log line for every request, written in batches: a write for each would cost a tenth of the gateway's time.

The fields are those of `lumina_kit.logs`; neither a query string nor anything a caller or a model wrote is among them.
"""

import asyncio
from datetime import UTC, datetime
from functools import lru_cache
from typing import Protocol

from msgspec import Struct, json

from lumina_kit.logs import Format

_FLUSH_SECONDS = 0.05


class Line(Struct, frozen=True, kw_only=True):
    """What is told of one request."""

    method: str
    path: str
    status: int
    ms: float
    model: str
    backend: str | None
    server: str | None
    key_id: str | None
    error: str | None
    request_id: str
    trace_id: str
    level: str = "info"
    timestamp: str = ""
    part: str = "gateway"
    module: str = "gateway.access"
    event: str = "request"


class Output(Protocol):
    """A text stream, as standard error is."""

    def write(self, text: str, /) -> object: ...

    def flush(self) -> object: ...


class AccessLog:
    """Collects lines for up to 50 ms, then writes them at once. `close` writes what is left."""

    def __init__(self, output: Output, fmt: Format) -> None:
        self._output = output
        self._render = _as_json if fmt == "json" else _as_text
        self._lines: list[str] = []

    def add(self, line: Line) -> None:
        if not self._lines:
            asyncio.get_running_loop().call_later(_FLUSH_SECONDS, self.close)
        self._lines.append(self._render(line))

    def close(self) -> None:
        lines, self._lines = self._lines, []
        if lines:
            self._output.write("".join(lines))
            self._output.flush()


def timestamp(unix_ns: int) -> str:
    """A time as the other log lines write it."""
    seconds, rest = divmod(unix_ns, 1_000_000_000)
    return f"{_second(seconds)}.{rest // 1000:06d}Z"


@lru_cache(maxsize=2)
def _second(unix: int) -> str:
    return datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _as_json(line: Line) -> str:
    return json.encode(line).decode() + "\n"


def _as_text(line: Line) -> str:
    told = f"{line.method} {line.path} {line.status} {line.ms} ms {line.model} {line.backend or '-'} {line.error or ''}"
    told += f" server={line.server}" if line.error and line.server else ""
    return f"{line.timestamp} [{line.level}] request {told} request_id={line.request_id}\n"
