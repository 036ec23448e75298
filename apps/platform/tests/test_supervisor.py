# size: the programs that it supervises are in it
"""The supervisor with small real children: real processes, sockets and signals, and no part of Lumina but itself."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from urllib.request import urlopen

import pytest

from lumina_kit.home import Home
from lumina_kit.parts import PartsClient, PartStatus, PartUnavailable
from lumina_kit.spawn import Child, spawn
from lumina_platform.supervisor.endpoints import Endpoints

LAUNCHER = """
import sys
from pathlib import Path

from lumina_kit.errors import LuminaError
from lumina_kit.home import Home
from lumina_platform.supervisor.options import Options
from lumina_platform.supervisor.plan import Plan
from lumina_platform.supervisor.ports import Wanted
from lumina_platform.supervisor.up import up

home, control, gateway, first, *flags = sys.argv[1:]


def plans(options, sockets, where):
    return [
        Plan("web", first, {}, sockets.control, stop_seconds=300 if "--patient" in flags else 1),
        Plan("lazy", "lazy_part", {"LUMINA_RUN_DIR": where.run_dir}, on_demand=True, stop_seconds=1),
        Plan("broken", "broken_part", on_demand=True),
        *[Plan("watcher", f"{x}_part", observer=True) for x in ("broken", "last") if f"--{x}-observer" in flags],
    ]


wanted = Wanted("127.0.0.1", int(control), int(gateway))
try:
    up(Options(Home(Path(home)), wanted, next_free_ports="--next-free-ports" in flags), sys.stdout, plans)
except LuminaError as error:
    sys.exit(f"{error.message} {error.next_step}")
"""

WEB = """
import http.server, os, signal, socket, sys, threading, time
from lumina_kit.lifeline import Lifeline
from lumina_kit.spawn import spawn

line = Lifeline.from_environment()
STUBBORN = "web_stubborn" in sys.argv[0]
grandchildren = []


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/grandchild":
            grandchildren.append(spawn("sleeper", environment={}))
            answer = grandchildren[-1].pid
        else:
            answer = os.getpid()
        body = str(answer).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        print("served", self.path, flush=True)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler, bind_and_activate=False)
server.socket.close()
server.socket = socket.socket(fileno=int(os.environ["LUMINA_LISTEN_FD"]))
if STUBBORN:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
line.watch(lambda: None)
time.sleep(0.3)  # a start that takes a moment: callers must wait it out
line.ready()
server.serve_forever()
"""

SLEEPER = """
import threading
from lumina_kit.lifeline import Lifeline

Lifeline.from_environment().watch(lambda: None)
threading.Event().wait()
"""

LAZY = """
import os, threading
from pathlib import Path
from lumina_kit.lifeline import Lifeline

line = Lifeline.from_environment()
done = threading.Event()
line.watch(done.set)
line.ready()
leave = Path(os.environ["LUMINA_RUN_DIR"]) / "leave"
while not done.wait(0.02):
    if leave.exists():
        leave.unlink()
        line.leaving()
        done.wait(0.3)
        break
"""

BROKEN = """
print("I cannot work like this", flush=True)
raise SystemExit(7)
"""

LAST = """
import signal, threading
from lumina_kit.lifeline import Lifeline

line = Lifeline.from_environment()
done = threading.Event()
line.watch(done.set)
signal.signal(signal.SIGTERM, lambda *_: done.set())
line.ready()
while not done.wait(0.05):
    pass
print("watched until the end", flush=True)
"""

UNWILLING = """
from lumina_kit.errors import Invalid

raise BaseExceptionGroup("of a task group", [Invalid("The moon is full.", next_step="Wait for the new one.")])
"""

MODULES = {
    "launcher": LAUNCHER,
    "web_part": WEB,
    "web_stubborn": WEB,
    "sleeper": SLEEPER,
    "lazy_part": LAZY,
    "broken_part": BROKEN,
    "last_part": LAST,
    "unwilling_part": UNWILLING,
}


@dataclass
class Supervised:
    """A supervisor in a process of its own, with what it has printed so far."""

    child: Child
    home: Home
    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self.child.output:
            self.lines.append(line.decode())

    @property
    def endpoints(self) -> Endpoints:
        found = Endpoints.read(self.home)
        assert found is not None
        return found

    @property
    def parts(self) -> PartsClient:
        return PartsClient(Path(self.endpoints.run_dir))

    def part(self, name: str) -> PartStatus:
        return next(part for part in asyncio.run(self.parts.status()) if part.name == name)

    def printed(self, text: str) -> bool:
        return any(text in line for line in self.lines)

    def get(self, path: str = "/") -> str:
        with urlopen(self.endpoints.control + path, timeout=10) as reply:
            return str(reply.read().decode())

    def exit(self) -> tuple[int, str]:
        status = self.child.wait()
        self._reader.join(2)
        return status, "".join(self.lines)


Starting = Callable[..., Supervised]


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Starting]:
    """Starts supervisors that end with the test; each waits until it is ready unless told otherwise."""
    for name, text in MODULES.items():
        (tmp_path / f"{name}.py").write_text(text)
    started: list[Supervised] = []

    def start(
        *flags: str, home: str = "home", ports: tuple[int, int] = (0, 0), first: str = "web_part", ready: bool = True
    ) -> Supervised:
        folder = tmp_path / home
        arguments = [str(folder), *map(str, ports), first, *flags]
        child = spawn("launcher", environment={"PYTHONPATH": str(tmp_path)}, arguments=arguments)
        started.append(Supervised(child, Home(folder)))
        if ready:
            assert holds_within(15, lambda: started[-1].printed("Lumina is ready")), started[-1].lines
        return started[-1]

    yield start
    for each in started:
        each.child.kill()
        each.child.wait()


def holds_within(seconds: float, condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return condition()


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return sys.platform == "linux" and Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def port_of(address: str) -> int:
    return int(address.rpartition(":")[2])


def test_a_killed_supervisor_leaves_no_orphan_and_no_grandchild(launch: Starting) -> None:
    lumina = launch()
    asyncio.run(lumina.parts.start("lazy"))
    pids = [int(lumina.get("/")), int(lumina.get("/grandchild")), lumina.part("lazy").pid or 0]

    os.kill(lumina.child.pid, signal.SIGKILL)

    assert holds_within(2, lambda: all(map(gone, pids)))


def test_a_home_left_by_a_killed_supervisor_is_taken_over_with_its_ports(launch: Starting) -> None:
    killed = launch()
    ports = (port_of(killed.endpoints.control), port_of(killed.endpoints.gateway))
    os.kill(killed.child.pid, signal.SIGKILL)

    follower = launch(ports=ports)

    assert int(follower.get()) == follower.part("web").pid


def test_a_restarting_child_makes_callers_wait_and_refuses_none(launch: Starting) -> None:
    lumina = launch()
    before = int(lumina.get())

    os.kill(before, signal.SIGKILL)
    answers = [int(lumina.get()) for _ in range(5)]

    assert set(answers) == {lumina.part("web").pid}
    assert before not in answers
    assert lumina.part("web").restarts == 1
    assert holds_within(2, lambda: lumina.printed("web was ended by SIGKILL. It starts again at once."))


def _has_restarted(lumina: Supervised, times: int) -> bool:
    return lumina.part("web").restarts == times


def test_a_child_that_is_killed_several_times_in_a_row_is_back_each_time_without_a_growing_wait(
    launch: Starting,
) -> None:
    lumina = launch()

    for count in range(1, 6):
        os.kill(lumina.part("web").pid or 0, signal.SIGKILL)
        assert lumina.get().isdigit()
        assert holds_within(5, partial(_has_restarted, lumina, count))

    waits = [line for line in lumina.lines if "It starts again" in line]
    assert "at once" in waits[0]
    assert "in 0.4 s" in waits[4]


def test_restart_over_the_control_socket_waits_for_the_new_process(launch: Starting) -> None:
    lumina = launch()
    before = lumina.part("web").pid

    asyncio.run(lumina.parts.restart("web"))

    assert lumina.part("web").state == "ready"
    assert lumina.part("web").pid != before


def test_an_on_demand_part_starts_when_asked_and_is_idle_after_it_left(launch: Starting) -> None:
    lumina = launch()
    assert lumina.part("lazy").state == "idle"

    asyncio.run(lumina.parts.start("lazy"))
    first = lumina.part("lazy")
    (Path(lumina.endpoints.run_dir) / "leave").touch()

    assert first.state == "ready"
    assert holds_within(5, lambda: lumina.part("lazy").state == "idle")
    assert lumina.part("lazy").restarts == 0


def test_a_start_while_a_part_leaves_waits_for_a_new_process(launch: Starting) -> None:
    lumina = launch()
    asyncio.run(lumina.parts.start("lazy"))
    leaving = lumina.part("lazy")
    (Path(lumina.endpoints.run_dir) / "leave").touch()
    assert holds_within(5, lambda: lumina.part("lazy").state == "idle")

    asyncio.run(lumina.parts.start("lazy"))

    assert lumina.part("lazy").state == "ready"
    assert lumina.part("lazy").pid != leaving.pid


def test_a_part_that_cannot_start_says_so_to_who_asked_and_in_the_log(launch: Starting) -> None:
    lumina = launch()

    with pytest.raises(PartUnavailable, match="broken exited with 7"):
        asyncio.run(lumina.parts.start("broken"))

    assert lumina.part("broken").state == "failed"
    assert "I cannot work like this" in (lumina.home.logs_dir / "lumina.log").read_text()


def test_lumina_is_ready_without_an_observer_that_cannot_start(launch: Starting) -> None:
    lumina = launch("--broken-observer")

    assert int(lumina.get()) == lumina.part("web").pid
    assert holds_within(10, lambda: lumina.printed("watcher exited with 7. It starts again in"))
    assert lumina.part("watcher").state in ("failed", "starting")


def test_an_observer_stops_after_all_others(launch: Starting) -> None:
    lumina = launch("--last-observer", first="web_stubborn")
    assert holds_within(5, lambda: lumina.part("watcher").state == "ready")
    web = lumina.part("web").pid or 0

    os.kill(lumina.child.pid, signal.SIGTERM)
    assert holds_within(5, lambda: lumina.printed("watched until the end"))

    assert gone(web)
    assert lumina.exit()[0] == 0


def test_lumina_gives_up_when_a_part_cannot_start_at_all(launch: Starting) -> None:
    lumina = launch(first="broken_part", ready=False)

    status, printed = lumina.exit()

    assert status == 1
    assert "Lumina did not start: web exited with 7" in printed
    assert str(lumina.home.logs_dir / "lumina.log") in printed


def test_a_reason_that_a_person_can_mend_is_told_with_its_next_step_and_no_traceback(launch: Starting) -> None:
    lumina = launch(first="unwilling_part", ready=False)

    status, printed = lumina.exit()

    assert status == 1
    assert "Lumina did not start: web cannot run: The moon is full. Wait for the new one." in printed
    assert "Traceback" not in printed


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_everything_and_leaves_a_tidy_home(launch: Starting, number: signal.Signals) -> None:
    lumina = launch()
    pid, run_dir = int(lumina.get()), Path(lumina.endpoints.run_dir)

    os.kill(lumina.child.pid, number)
    status, printed = lumina.exit()

    assert status == 0
    assert "Stopping" in printed
    assert gone(pid)
    assert not lumina.home.endpoints_file.exists()
    assert not run_dir.exists()


def test_a_child_that_ignores_the_signal_is_ended_by_force(launch: Starting) -> None:
    lumina = launch(first="web_stubborn")
    pid = int(lumina.get())

    os.kill(lumina.child.pid, signal.SIGTERM)

    assert lumina.exit()[0] == 0
    assert gone(pid)


def test_a_second_ctrl_c_does_not_wait_for_a_child_that_ignores_the_first(launch: Starting) -> None:
    lumina = launch("--patient", first="web_stubborn")
    pid = int(lumina.get())

    os.kill(lumina.child.pid, signal.SIGINT)
    assert holds_within(5, lambda: lumina.printed("Stopping"))
    os.kill(lumina.child.pid, signal.SIGINT)

    assert lumina.exit()[0] == 0
    assert gone(pid)


def test_a_second_supervisor_on_a_home_names_the_first_and_its_addresses(launch: Starting) -> None:
    first = launch()

    status, printed = launch(ready=False).exit()

    assert status == 1
    assert f"process {first.child.pid} serves {first.endpoints.control} and {first.endpoints.gateway}" in printed
    assert f"kill {first.child.pid}" in printed


def test_with_next_free_ports_a_running_home_is_shown_and_not_moved(launch: Starting) -> None:
    first = launch()

    status, printed = launch("--next-free-ports", ready=False).exit()

    assert status == 0
    assert first.endpoints.control in printed
    assert f"{first.endpoints.gateway}/v1" in printed


def test_a_taken_port_names_the_port_its_owner_and_the_flag(launch: Starting) -> None:
    first = launch()
    port = port_of(first.endpoints.gateway)

    status, printed = launch(home="other", ports=(0, port), ready=False).exit()

    assert status == 1
    assert f"Port {port} on 127.0.0.1 is taken by" in printed
    assert "--gateway-port" in printed
    if sys.platform == "linux":
        assert f"(process {first.child.pid}:" in printed or f"(process {first.part('web').pid}:" in printed


def test_with_next_free_ports_another_pair_is_taken_and_said(launch: Starting) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.create_server(("127.0.0.1", 0)) as free:
        control, gateway = taken.getsockname()[1], free.getsockname()[1]
        free.close()

        lumina = launch("--next-free-ports", ports=(control, gateway))

    moved = port_of(lumina.endpoints.control)
    assert moved > control
    assert moved - control == port_of(lumina.endpoints.gateway) - gateway
    assert lumina.printed(f"*** Using ports {moved} and")


def test_the_home_and_the_run_folder_are_closed_to_others(launch: Starting) -> None:
    lumina = launch()

    for folder in (lumina.home.path, lumina.home.logs_dir, Path(lumina.endpoints.run_dir)):
        assert folder.stat().st_mode & 0o777 == 0o700


def _served_by_web(line: str) -> bool:
    record = json.loads(line)
    return (record["part"], record["event"]) == ("web", "served /hello")


def test_the_log_tells_which_part_a_line_is_from(launch: Starting) -> None:
    lumina = launch()

    lumina.get("/hello")

    log = lumina.home.logs_dir / "lumina.log"
    assert holds_within(2, log.exists)
    assert holds_within(2, lambda: any(_served_by_web(line) for line in log.open()))
    assert holds_within(2, lambda: lumina.printed("served /hello"))


def test_the_control_socket_refuses_what_it_does_not_understand(launch: Starting) -> None:
    lumina = launch()

    def ask(line: bytes) -> dict[str, object]:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(Path(lumina.endpoints.run_dir) / "supervisor.sock"))
            connection.sendall(line + b"\n")
            answer: dict[str, object] = json.loads(connection.makefile().readline())
            return answer

    assert ask(b"{") == {"ok": False, "error": "A request is one JSON object on one line."}
    assert "no operation 'dance'" in str(ask(b'{"op": "dance"}')["error"])
    assert "known: web, lazy, broken" in str(ask(b'{"op": "start", "part": "x"}')["error"])
    with contextlib.suppress(OSError, ValueError):
        ask(b'{"op": "' + b"x" * 100_000 + b'"}')
    assert ask(b'{"op": "status"}')["ok"] is True


def test_status_tells_the_memory_of_each_process(launch: Starting) -> None:
    lumina = launch()

    names = [part.name for part in asyncio.run(lumina.parts.status())]

    assert names == ["supervisor", "web", "lazy", "broken"]
    if sys.platform == "linux":
        assert (lumina.part("web").pss_bytes or 0) > 1_000_000
