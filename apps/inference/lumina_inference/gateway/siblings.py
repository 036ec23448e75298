"""The gateway's processes among themselves: each tells its report and its metrics on a socket in the run folder.

The folder is closed to other users, so no key is asked for there.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from aiohttp import ClientError, ClientSession, ClientTimeout, UnixConnector, web
from msgspec import DecodeError, msgpack

from lumina_inference.gateway.exposition import Family
from lumina_inference.gateway.state import ProcessReport

REPORT, METRICS = "/report", "/metrics"
_ANSWER_SECONDS = ClientTimeout(total=1.0)
_MOST_BYTES = 32 * 2**20

T = TypeVar("T")
Telling = Mapping[str, Callable[[], object]]


def socket_of(run_dir: Path, instance: str) -> Path:
    """Where a process tells of itself."""
    return run_dir / f"{instance}.sock"


@asynccontextmanager
async def telling(socket: Path, paths: Telling) -> AsyncIterator[None]:
    """Answer siblings while the context is open."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        tell = paths.get(request.path)
        return web.Response(status=404) if tell is None else web.Response(body=msgpack.encode(tell()))

    runner = web.ServerRunner(web.Server(answer, access_log=None), shutdown_timeout=0.1)
    await runner.setup()
    await web.UnixSite(runner, str(socket)).start()
    try:
        yield
    finally:
        await runner.cleanup()


@dataclass(frozen=True)
class Heard(Generic[T]):
    """What the siblings told, and the names of those that did not answer in time."""

    told: Mapping[str, T]
    silent: tuple[str, ...]


@dataclass
class Siblings:
    """The other processes of this gateway, by name; none where it is the only one."""

    run_dir: Path
    names: Sequence[str] = ()
    _last: dict[str, Sequence[Family]] = field(default_factory=dict)

    async def reports(self) -> Heard[ProcessReport]:
        return await self._heard(REPORT, msgpack.Decoder(ProcessReport))

    async def families(self) -> dict[str, Sequence[Family]]:
        """Their metrics; while one is silent, what it had counted when it was last heard."""
        heard = await self._heard(METRICS, msgpack.Decoder(tuple[Family, ...]))
        self._last.update({name: _counted(told) for name, told in heard.told.items()})
        return {**{name: self._last[name] for name in heard.silent if name in self._last}, **heard.told}

    async def _heard(self, path: str, decoder: msgpack.Decoder[T]) -> Heard[T]:
        answers = await asyncio.gather(*(self._ask(name, path) for name in self.names))
        told: dict[str, T] = {}
        for name, answer in zip(self.names, answers, strict=True):
            with contextlib.suppress(DecodeError):
                told[name] = decoder.decode(answer)
        return Heard(told, tuple(name for name in self.names if name not in told))

    async def _ask(self, name: str, path: str) -> bytes:
        """What it answered; nothing if it does not."""
        connector = UnixConnector(str(socket_of(self.run_dir, name)))
        try:
            async with (
                ClientSession(connector=connector, timeout=_ANSWER_SECONDS) as session,
                session.get(f"http://{name}{path}") as response,
            ):
                return await _whole(response.content.iter_any())
        except (ClientError, OSError, TimeoutError):
            return b""


async def _whole(parts: AsyncIterator[bytes]) -> bytes:
    content = bytearray()
    async for part in parts:
        content += part
        if len(content) > _MOST_BYTES:
            raise ClientError(f"A sibling sent more than {_MOST_BYTES:,} bytes.")
    return bytes(content)


def _counted(told: Sequence[Family]) -> Sequence[Family]:
    return tuple(family for family in told if family.kind != "gauge")
