"""A network line between a gateway and a backend, which can break in ways that a process cannot."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

_FILLING = 3  # connections that fill a queue of no length
_BLOCK = 65_536


@dataclass
class Line:
    """Passes bytes on to a port until it breaks."""

    target: int
    listening: socket.socket
    writers: set[asyncio.StreamWriter] = field(default_factory=set)
    passing: set[asyncio.Task[None]] = field(default_factory=set)
    broken: bool = False

    @property
    def port(self) -> int:
        return int(self.listening.getsockname()[1])

    async def serve(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            given, _ = await loop.sock_accept(self.listening)
            reader, writer = await asyncio.open_connection(sock=given)
            if self.broken:
                writer.transport.abort()
            else:
                await self._join(reader, writer)

    def reset(self) -> None:
        """Reset every connection, and each new one as soon as it is made."""
        self.broken = True
        for writer in self.writers:
            writer.transport.abort()

    async def vanish(self, accepting: asyncio.Task[None]) -> None:
        """Say nothing more, and let attempts to connect go unanswered: the queue of new connections is full."""
        accepting.cancel()
        for task in self.passing:
            task.cancel()
        self.listening.listen(0)
        loop = asyncio.get_running_loop()
        for _ in range(_FILLING):
            filler = socket.socket()
            filler.setblocking(False)
            connecting = asyncio.ensure_future(loop.sock_connect(filler, ("127.0.0.1", self.port)))
            self.passing.add(connecting)
        await asyncio.sleep(0.1)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        self.writers |= {writer, far_writer}
        for source, sink in ((reader, far_writer), (far_reader, writer)):
            self.passing.add(asyncio.ensure_future(_pass_on(source, sink)))


async def _pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read(_BLOCK):
            sink.write(data)
            await sink.drain()
        sink.close()


@contextlib.asynccontextmanager
async def line(target: int) -> AsyncIterator[tuple[Line, asyncio.Task[None]]]:
    """A line to a port, and the task that accepts connections for it."""
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listening:
        listening.setblocking(False)
        made = Line(target, listening)
        accepting = asyncio.ensure_future(made.serve())
        try:
            yield made, accepting
        finally:
            tasks = [accepting, *made.passing]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for writer in made.writers:
                writer.transport.abort()
