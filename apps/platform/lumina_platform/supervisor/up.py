"""`lumina up`: take the home, the ports and the run folder, start everything, stay until told to stop."""

import asyncio
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TextIO

from lumina_kit.errors import LuminaError
from lumina_kit.home import Home
from lumina_kit.parts import SOCKET_NAME, PartUnavailable
from lumina_platform.supervisor import layout, ports
from lumina_platform.supervisor.control_socket import control_socket
from lumina_platform.supervisor.endpoints import Endpoints
from lumina_platform.supervisor.errors import AlreadyRunning, DidNotStart, PortTaken
from lumina_platform.supervisor.fleet import Fleet
from lumina_platform.supervisor.journal import Journal
from lumina_platform.supervisor.options import Options
from lumina_platform.supervisor.ownership import owned, prepare, run_folder
from lumina_platform.supervisor.part import Part
from lumina_platform.supervisor.plan import Plan
from lumina_platform.supervisor.sign_in import sign_in_link
from lumina_platform.supervisor.sinks import LogFile, Terminal

START_SECONDS = 180.0
LEFTOVER_SECONDS = 3.0
LOG_DESCRIPTOR = 2

Planning = Callable[[Options, ports.Sockets, Endpoints], list[Plan]]


def up(options: Options, out: TextIO, plans: Planning = layout.plans) -> None:
    """Run Lumina until a signal ends it. Raises a LuminaError if it cannot start."""
    options.check()
    prepare(options.home)
    try:
        with owned(options.home):
            _run(options, out, plans)
    except AlreadyRunning as running:
        if not (options.next_free_ports and running.endpoints):
            raise
        print(running.message, file=out)
        _show_addresses(running.endpoints, out)


def _run(options: Options, out: TextIO, plans: Planning) -> None:
    with _listening(options, out) as sockets, run_folder(options.home) as run_dir:
        where = layout.endpoints(options, sockets, run_dir)
        where.write(options.home)
        try:
            asyncio.run(Session(options, where, plans(options, sockets, where), out).run())
        finally:
            options.home.endpoints_file.unlink(missing_ok=True)


@contextmanager
def _listening(options: Options, out: TextIO) -> Iterator[ports.Sockets]:
    """The wanted ports; if asked for, and if they belong to something else, the next free pair."""
    try:
        sockets = _patiently(options)
    except PortTaken as taken:
        if not options.next_free_ports:
            raise
        moved = ports.next_free(options.wanted)
        print(f"\n*** {taken.message}\n*** Using ports {moved.control} and {moved.gateway} instead.\n", file=out)
        sockets = ports.listen(moved)
    with sockets:
        yield sockets


def _patiently(options: Options) -> ports.Sockets:
    """The wanted ports; the processes of a killed supervisor may hold them for two seconds more."""
    deadline = time.monotonic() + (LEFTOVER_SECONDS if _left_behind(options.home) else 0)
    while True:
        try:
            return ports.listen(options.wanted)
        except PortTaken:
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.1)  # noqa: TID251 - no event loop runs yet, and no event tells of a port


def _left_behind(home: Home) -> bool:
    """Whether the last supervisor of this home was killed; we hold the lock, so it is not there any more."""
    return home.endpoints_file.exists()


@dataclass
class Session:
    """One run of all processes, from the first start to the last stop."""

    options: Options
    where: Endpoints
    plans: list[Plan]
    out: TextIO

    async def run(self) -> None:
        file, terminal = LogFile(self.options.home.logs_dir / "lumina.log"), Terminal(LOG_DESCRIPTOR)
        journal = Journal(file.write, terminal.write, self.options.logging.form)
        fleet = Fleet([Part(plan, journal) for plan in self.plans])
        stop = _stop_signal(fleet)
        try:
            await self._serve(fleet, stop)
        finally:
            await fleet.stop()
            await journal.finish()
            terminal.close()
            file.close()

    async def _serve(self, fleet: Fleet, stop: asyncio.Event) -> None:
        async with control_socket(self.options.home.run_dir / SOCKET_NAME, fleet.answer):
            start = asyncio.create_task(self._start(fleet))
            stopped = asyncio.create_task(stop.wait())
            await asyncio.wait([start, stopped], return_when=asyncio.FIRST_COMPLETED)
            if start.done():
                start.result()
            await stopped
            start.cancel()
            print("Stopping ...", file=self.out, flush=True)

    async def _start(self, fleet: Fleet) -> None:
        began = time.monotonic()
        try:
            await fleet.start(START_SECONDS)
        except PartUnavailable as error:
            next_step = error.next_step or f"Its last lines are in {self.options.home.logs_dir / 'lumina.log'}."
            raise DidNotStart(f"Lumina did not start: {error.message}", next_step=next_step) from None
        await self._greet(time.monotonic() - began)

    async def _greet(self, seconds: float) -> None:
        print(f"Lumina is ready after {seconds:.1f} s.", file=self.out)
        _show_addresses(self.where, self.out)
        print(f"  Admin key       {self.options.home.admin_key_file}", file=self.out)
        if self.out.isatty():
            await self._show_link()
        print("Ctrl-C stops everything.", file=self.out, flush=True)

    async def _show_link(self) -> None:
        try:
            link = await sign_in_link(self.options.home, self.where)
        except LuminaError as error:
            print(f"  Sign in         {error.message} {error.next_step}", file=self.out)
        else:
            until = link.expires_at.astimezone().strftime("%H:%M")
            print(f"  Sign in         {link.url}\n                  (once, until {until})", file=self.out)


def _show_addresses(where: Endpoints, out: TextIO) -> None:
    print(f"  API and docs    {where.control}", file=out)
    print(f"  Gateway         {where.gateway}/v1", file=out, flush=True)


def _stop_signal(fleet: Fleet) -> asyncio.Event:
    """Set by the first Ctrl-C, SIGTERM or hang-up; the second one ends everything by force."""
    asked = asyncio.Event()

    def stop() -> None:
        if asked.is_set():
            fleet.hurry()
        asked.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    return asked
