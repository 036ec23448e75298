"""One supervised process through its starts, failures and stops."""

import asyncio
import contextlib
import json
import os
import signal
import threading
from dataclasses import dataclass, field
from datetime import datetime

from lumina_kit.clock import Clock, utc_now
from lumina_kit.parts import START_SECONDS, PartState, PartStatus, PartUnavailable
from lumina_kit.spawn import Child, spawn
from lumina_platform.supervisor.backoff import Backoff, Failures
from lumina_platform.supervisor.journal import Journal
from lumina_platform.supervisor.memory import pss_bytes
from lumina_platform.supervisor.plan import Plan

TRIES_BEFORE_READY = 3
LAST_WORDS_SECONDS = 0.2  # a grandchild may hold the line open
LONGEST_LINE = 16 * 1024


@dataclass
class Part:
    """Keeps the process of a plan running while it is wanted, and tells who waits when it can serve.

    An on-demand part is started again only when asked; every other one restarts by itself, with back-off.
    """

    plan: Plan
    journal: Journal
    backoff: Backoff = field(default_factory=Backoff)
    now: Clock = utc_now

    def __post_init__(self) -> None:
        self.state: PartState = "idle" if self.plan.on_demand else "stopped"
        self.since: datetime = self.now()
        self.restarts = 0
        self.child: Child | None = None
        self._changed = asyncio.Event()
        self._stop_asked = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._failures = Failures()
        self._ready_at: float | None = None
        self._exit = "has not run yet."
        self._reason: str | None = None
        self._next_step: str | None = None

    def status(self) -> PartStatus:
        pid = self.child.pid if self.child else None
        memory = pss_bytes(pid) if pid else None
        return PartStatus(self.plan.name, self.state, pid, self.restarts, self.since, memory)

    async def start(self, seconds: float = START_SECONDS) -> None:
        """Start it unless it runs, and return when it is ready. Raises PartUnavailable with the reason."""
        try:
            async with asyncio.timeout(seconds):
                await self.begin()
                await self._until_ready()
        except TimeoutError:
            raise PartUnavailable(f"{self.plan.name} was not ready within {seconds:.0f} s.") from None

    async def begin(self) -> None:
        """Start it unless it runs, and wait for nothing."""
        if self._task and self.state in ("idle", "stopped"):
            await asyncio.shield(self._task)  # it said that it leaves: wait until it has
        if self._task is None or self._task.done():
            self._stop_asked.clear()
            self._become("starting")
            self._task = asyncio.create_task(self._keep_running(), name=self.plan.name)

    async def stop(self) -> None:
        """Ask it to stop, end it by force after the plan's `stop_seconds`, return when it has exited."""
        self._stop_asked.set()
        if self._task and not self._task.done():
            if self.child:
                self._end(self.child)
            await self._task
        if self.state != "stopped":
            self._become("stopped")

    def kill(self) -> None:
        """End it by force now."""
        if self.child:
            self.child.kill()

    async def _until_ready(self) -> None:
        changed = self._changed
        while self.state != "ready":
            if self._gave_up():
                raise PartUnavailable(f"{self.plan.name} {self._exit}", next_step=self._next_step)
            await changed.wait()
            changed = self._changed

    def _gave_up(self) -> bool:
        lost = self.plan.on_demand or self._failures.at_start >= TRIES_BEFORE_READY
        return self.state == "stopped" or (self.state == "failed" and lost)

    async def _keep_running(self) -> None:
        while await self._may_start():
            status = await self._live()
            if self._stop_asked.is_set():
                break
            if self.plan.on_demand and status == 0:
                return self._rest("idle", "has left, since it had nothing to do.")
            self._note_failure(status)
            if self.plan.on_demand:
                return None
        return self._rest("stopped", "was stopped.")

    async def _may_start(self) -> bool:
        """Wait out the back-off; False if a stop was asked for meanwhile."""
        try:
            await asyncio.wait_for(self._stop_asked.wait(), self.backoff.delay(self._failures) or 0.001)
        except TimeoutError:
            return True
        return False

    async def _live(self) -> int:
        """One process from start to exit; its exit status."""
        self._become("starting")
        self.restarts += bool(self._failures)
        self._ready_at = self._reason = self._next_step = None
        try:
            child = spawn(self.plan.module, environment=self.plan.full_environment, inherit=self.plan.inherited)
        except OSError as error:
            self.journal.say(f"{self.plan.name} could not be started: {error}", "error")
            return os.EX_OSERR
        self.child = child
        try:
            return await self._followed(child)
        finally:
            child.lifeline.close()
            self.child = None

    async def _followed(self, child: Child) -> int:
        await self.journal.follow(self.plan.name, child.output)
        talk = asyncio.create_task(self._listen(child))
        limit = asyncio.get_running_loop().call_later(self.plan.start_seconds, self._give_up_on, child)
        status = await _exit_of(child)
        limit.cancel()
        await asyncio.wait([talk], timeout=LAST_WORDS_SECONDS)
        talk.cancel()
        await asyncio.wait([talk])
        return status

    async def _listen(self, child: Child) -> None:
        loop = asyncio.get_running_loop()
        child.lifeline.setblocking(False)
        with contextlib.suppress(OSError):  # a process that dies may reset the connection
            rest = b""
            while data := await loop.sock_recv(child.lifeline, 4096):
                *lines, rest = (rest + data).split(b"\n")
                rest = rest[:LONGEST_LINE]
                for line in lines:
                    self._hear(line, child)

    def _hear(self, line: bytes, child: Child) -> None:
        word, _, content = line.partition(b" ")
        if word == b"failed":
            self._reason, self._next_step = json.loads(content)
        if word == b"ready" and self.state == "starting":
            self._ready_at = asyncio.get_running_loop().time()
            self._become("ready")
        if word == b"leaving" and self.plan.on_demand:
            self._become("idle")
            self._end_if_it_stays(child)

    def _rest(self, state: PartState, why: str) -> None:
        self._failures = Failures()
        self._exit = why
        self._become(state)

    def _note_failure(self, status: int) -> None:
        ready_seconds = asyncio.get_running_loop().time() - self._ready_at if self._ready_at else None
        self._failures = self.backoff.failures(self._failures, ready_seconds)
        self._exit = f"cannot run: {self._reason}" if self._reason else f"{described(status)}."
        self._become("failed")
        told = " ".join(filter(None, (self._exit, self._next_step)))
        self.journal.say(f"{self.plan.name} {told} It starts {self._next_start()}.", "warning")

    def _next_start(self) -> str:
        if self.plan.on_demand:
            return "when asked"
        delay = self.backoff.delay(self._failures)
        return f"again in {delay:.1f} s" if delay else "again at once"

    def _give_up_on(self, child: Child) -> None:
        if self.state == "starting":
            self.journal.say(f"{self.plan.name} was not ready within {self.plan.start_seconds:.0f} s", "error")
            child.kill()

    def _end(self, child: Child) -> None:
        child.terminate()
        self._end_if_it_stays(child)

    def _end_if_it_stays(self, child: Child) -> None:
        asyncio.get_running_loop().call_later(self.plan.stop_seconds, child.kill)

    def _become(self, state: PartState) -> None:
        self.state = state
        self.since = self.now()
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()


def described(status: int) -> str:
    """An exit status in words."""
    if status >= 0:
        return f"exited with {status}"
    return f"was ended by {signal.Signals(-status).name}"


async def _exit_of(child: Child) -> int:
    """Its exit status; a thread waits, since that works on every system and with any event loop."""
    loop = asyncio.get_running_loop()
    exited: asyncio.Future[int] = loop.create_future()

    def wait() -> None:
        loop.call_soon_threadsafe(exited.set_result, child.wait())

    threading.Thread(target=wait, name=f"wait-{child.pid}", daemon=True).start()
    return await exited
