"""Questions to Lumina while spans come in: how long they take, and how soon a new trace is found."""

import asyncio
import time
from dataclasses import dataclass, field

from aiohttp import ClientSession, ClientTimeout

from bench.telemetry.sending import Receiver, Sent, pace
from tools.running import Running

LIST = "traces?limit=50"
PERCENTILES = "traces/statistics?by=request_model"
_POLL_SECONDS = 0.05
_GIVE_UP_SECONDS = 30.0
_EVERY_BATCH = 5


@dataclass
class Asked:
    """Seconds of each question, and of each watched trace from when it was taken until it was found."""

    lists: list[float] = field(default_factory=list)
    percentiles: list[float] = field(default_factory=list)
    found: list[float] = field(default_factory=list)
    failed: int = 0


async def ask_while_sending(lumina: Running, receiver: Receiver, rate: float, seconds: float) -> tuple[Sent, Asked]:
    """`rate` spans per second come in while one asks; a trace of every fifth batch is looked for until it is there."""
    sent, asked = Sent(), Asked()
    headers = {"Authorization": f"Bearer {lumina.admin_key}"}
    timeout = ClientTimeout(total=_GIVE_UP_SECONDS)
    async with ClientSession(f"{lumina.control}/api/telemetry/", headers=headers, timeout=timeout) as session:
        sending = asyncio.create_task(pace(receiver, rate, seconds, sent))
        asking = [asyncio.create_task(_question(session, sending, LIST, asked.lists, asked))]
        asking.append(asyncio.create_task(_question(session, sending, PERCENTILES, asked.percentiles, asked)))
        asking.append(asyncio.create_task(_watch(session, sending, sent, asked)))
        await asyncio.gather(sending, *asking)
    return sent, asked


async def _question(
    session: ClientSession, sending: "asyncio.Task[None]", path: str, taken: list[float], asked: Asked
) -> None:
    while not sending.done():
        began = time.perf_counter()
        async with session.get(path) as answer:
            await answer.read()
            asked.failed += answer.status != 200
        taken.append(time.perf_counter() - began)
        await asyncio.sleep(0.2)


async def _watch(session: ClientSession, sending: "asyncio.Task[None]", sent: Sent, asked: Asked) -> None:
    seen = 0
    async with asyncio.TaskGroup() as tasks:
        while not sending.done():
            for trace, at in sent.traces[seen::_EVERY_BATCH]:
                tasks.create_task(_find(session, trace, at, asked))
            seen = len(sent.traces)
            await asyncio.sleep(_POLL_SECONDS)


async def _find(session: ClientSession, trace: str, taken_at: float, asked: Asked) -> None:
    while time.perf_counter() - taken_at < _GIVE_UP_SECONDS:
        async with session.get(f"traces/{trace}", params={"limit": "1"}) as answer:
            await answer.read()
            if answer.status == 200:
                asked.found.append(time.perf_counter() - taken_at)
                return
        await asyncio.sleep(_POLL_SECONDS)
    asked.failed += 1
