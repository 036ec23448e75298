"""Sends the stream to a subject over a few connections: as fast as it is taken, or at a pace."""

import asyncio
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector

from bench.telemetry.stream import SPANS_A_BATCH, Stream

_TIMEOUT = ClientTimeout(total=60)


class Batches(Protocol):
    """Gives export requests of 512 entries, each with the id of its last trace."""

    def batch(self) -> tuple[bytes, str]: ...


@dataclass(frozen=True)
class Receiver:
    """Where export requests go."""

    url: str
    headers: Mapping[str, str]


@dataclass
class Sent:
    """What became of it. `traces`: the last trace of each batch that was taken, and when."""

    taken: int = 0
    refused: int = 0
    seconds: float = 0.0
    statuses: dict[str, int] = field(default_factory=dict)
    traces: list[tuple[str, float]] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Spans per second."""
        return self.taken / self.seconds if self.seconds else 0.0


async def flood(
    receiver: Receiver, batches: Batches, seconds: float, enough: float = math.inf, connections: int = 4
) -> Sent:
    """Each connection sends its next batch when the last one was taken; until the time is over, or `enough` were."""
    sent, began = Sent(), time.perf_counter()

    async def send(session: ClientSession) -> None:
        while time.perf_counter() - began < seconds and sent.taken < enough:
            await _post(session, receiver, batches, sent)

    async with _session(receiver, connections) as session:
        await asyncio.gather(*(send(session) for _ in range(connections)))
    sent.seconds = time.perf_counter() - began
    return sent


async def pace(receiver: Receiver, spans_per_second: float, seconds: float, sent: Sent) -> None:
    """A batch each time one is due, whether or not those before were taken; `sent` grows as it goes."""
    stream, began, count = Stream(), time.perf_counter(), int(seconds * spans_per_second / SPANS_A_BATCH)
    async with _session(receiver, 16) as session, asyncio.TaskGroup() as tasks:
        for number in range(count):
            due = began + number * SPANS_A_BATCH / spans_per_second
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            tasks.create_task(_post(session, receiver, stream, sent))
    sent.seconds = time.perf_counter() - began


def _session(receiver: Receiver, connections: int) -> ClientSession:
    headers = {"Content-Type": "application/x-protobuf", **receiver.headers}
    return ClientSession(connector=TCPConnector(limit=connections), headers=headers, timeout=_TIMEOUT)


async def _post(session: ClientSession, receiver: Receiver, batches: Batches, sent: Sent) -> None:
    body, trace = batches.batch()
    try:
        async with session.post(receiver.url, data=body) as answer:
            await answer.read()
            status = str(answer.status)
    except (ClientError, TimeoutError) as error:
        status = type(error).__name__
    sent.statuses[status] = sent.statuses.get(status, 0) + 1
    if status == "200":
        sent.taken += SPANS_A_BATCH
        sent.traces.append((trace, time.perf_counter()))
    else:
        sent.refused += SPANS_A_BATCH
