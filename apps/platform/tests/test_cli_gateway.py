"""`lumina gateway top` against a small server that tells a gateway's state, in a pipe and at a terminal."""

import fcntl
import io
import json
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from msgspec import json as state_json
from rich.console import Console

from apps.platform.tests.conftest import Lumina, command
from lumina_inference.gateway.state import (
    BackendState,
    GatewayState,
    ProcessState,
    RouteState,
    SpendView,
)
from lumina_platform.cli.board import board

AT = 1_800_000_000.0


def backend(name: str, **more: Any) -> BackendState:
    """One that is well and has answered."""
    usual: dict[str, Any] = {
        "id": name, "provider": "openai", "model": "gpt-4o-mini", "state": "closed", "states": {}, "reason": None,
        "until": None, "in_flight": 2, "requests": 1200, "requests_per_second": 12.5, "errors": {},
        "p50_seconds": 0.84, "p99_seconds": 4.2, "first_token_p50_seconds": 0.31, "first_token_p99_seconds": 0.9,
        "input_tokens": 120_000, "output_tokens": 34_000, "spend_nano_usd": 1_234_000_000,
    }  # fmt: skip
    return BackendState(**(usual | more))


def unused(name: str) -> BackendState:
    return backend(
        name, in_flight=0, requests=0, requests_per_second=0.0, p50_seconds=None, p99_seconds=None,
        first_token_p50_seconds=None, first_token_p99_seconds=None, input_tokens=0, output_tokens=0, spend_nano_usd=0,
    )  # fmt: skip


def process(name: str = "gateway", **more: Any) -> ProcessState:
    usual: dict[str, Any] = {
        "instance": name, "pid": 4711, "uptime_seconds": 3900.0, "in_flight": 2, "connections": 30,
        "snapshot_version": "a1", "snapshot_age_seconds": 1.0, "control_up": True,
    }  # fmt: skip
    return ProcessState(**(usual | more))


def state(*routes: RouteState, **more: Any) -> GatewayState:
    usual: dict[str, Any] = {"version": 1, "at": AT, "processes": (process(),), "silent": (), "spend": ()}
    return GatewayState(**(usual | {"routes": routes} | more))


def route(name: str, *backends: BackendState) -> RouteState:
    return RouteState(name=name, backends=backends)


@dataclass
class Gateway:
    """What it answers to every GET, and how often it was asked."""

    url: str = ""
    status: int = 200
    body: bytes = b""
    asked: list[tuple[str, str | None]] = field(default_factory=list)

    def tells(self, told: GatewayState) -> None:
        self.body = state_json.encode(told)


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    told = Gateway()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.asked.append((self.path, self.headers["authorization"]))
            self.send_response(told.status)
            self.send_header("content-length", str(len(told.body)))
            self.end_headers()
            self.wfile.write(told.body)

        def log_message(self, *_: object) -> None:
            """Tests are quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield told
    server.shutdown()
    server.server_close()


def environment(gateway: Gateway) -> dict[str, str]:
    return {"LUMINA_URL": gateway.url, "LUMINA_GATEWAY_URL": gateway.url, "LUMINA_API_KEY": "lum_secret"}


@pytest.fixture
def top(gateway: Gateway, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Lumina:
    """Runs `lumina gateway top` with its output in a pipe."""
    for name, value in environment(gateway).items():
        monkeypatch.setenv(name, value)

    return command(monkeypatch, capsys, "gateway", "top")


@pytest.fixture
def screen_of() -> Any:
    """The lines of a state at a width."""

    def draw(told: GatewayState, width: int) -> list[str]:
        console = Console(width=width, file=io.StringIO(), force_terminal=False)
        with console.capture() as captured:
            console.print(board(told, "http://gateway", width))
        return captured.get().splitlines()

    return draw


def test_a_pipe_gets_the_table_once_and_plain(top: Any, gateway: Gateway) -> None:
    gateway.tells(state(route("gpt-4o", backend("east"), backend("west"))))

    done = top()

    assert done.status == 0
    assert gateway.asked == [("/lumina/state", "Bearer lum_secret")]
    assert "\x1b" not in done.out
    line = next(line for line in done.out.splitlines() if "east" in line)
    for cell in ("gpt-4o", "openai/gpt-4o-mini", "closed", "12.5", "840 ms", "4.2 s", "310 ms", "1200", "$1.23"):
        assert cell in line


def test_what_is_out_of_rotation_comes_first_with_its_reason_and_the_time_until_it_is_tried(
    top: Any, gateway: Gateway
) -> None:
    broken = backend("west", state="open", reason="rate_limited", until=AT + 4.2, errors={"rate_limited": 30})
    gateway.tells(state(route("busy", backend("east")), route("ailing", backend("south"), broken)))

    lines = [line for line in top().out.splitlines() if "openai/" in line]

    assert [line.split()[0] for line in lines] == ["ailing", "south", "busy"]
    assert "open 4 s: rate limited" in lines[0]
    assert "30 (2%)" in lines[0]


def test_in_100_columns_backends_of_one_model_and_their_states_stay_apart_whatever_the_numbers(screen_of: Any) -> None:
    endless: dict[str, Any] = {
        "model": "meta-llama/Llama-3.3-70B-Instruct-with-a-long-name", "in_flight": 10**12, "requests": 10**18,
        "requests_per_second": 1e15, "errors": {"timed_out": 10**17}, "p50_seconds": 1e9, "p99_seconds": 1e14,
        "first_token_p50_seconds": 1e8, "spend_nano_usd": 10**27,
    }  # fmt: skip
    one, other = backend("1111aaaa2222bbbb", **endless), backend("3333cccc4444dddd", **endless, state="open")

    drawn = screen_of(state(route("llama", one, other)), width=100)

    assert all(len(line) <= 100 for line in drawn)
    (well,) = [line for line in drawn if "1111aaaa" in line]
    (ill,) = [line for line in drawn if "3333cccc" in line]
    assert "closed" in well
    assert "open" in ill


def test_processes_that_differ_are_silent_or_lack_control_are_told(top: Any, gateway: Gateway) -> None:
    split = backend("west", state="open", reason="died", states={"gateway": "closed", "gateway-2": "open"})
    gateway.tells(
        state(
            route("gpt-4o", split),
            processes=(process(), process("gateway-2", control_up=False, snapshot_age_seconds=75, in_flight=1)),
            silent=("gateway-3",),
        )
    )

    out = top().out

    assert "2 processes, up 1 h 5 min, 3 in flight, 60 connections" in out
    assert "No answer from gateway-3" in out
    assert "those of 1 min 15 s ago" in out
    assert "open: died (1 of 2)" in out


def test_budgets_are_listed_with_the_nearest_to_its_end_first(top: Any, gateway: Gateway) -> None:
    def spender(name: str, spent: int, budget: int | None) -> SpendView:
        return SpendView(
            holder="key", id=name, period="day", resets_at=AT + 7200, spent_nano_usd=spent, budget_nano_usd=budget
        )

    spend = (spender("half", 5 * 10**8, 10**9), spender("idle", 0, None), spender("over", 3 * 10**9, 2 * 10**9))
    gateway.tells(state(route("gpt-4o", backend("east")), spend=spend))

    lines = [line.split() for line in top().out.splitlines() if line.startswith("key ")]

    assert [line[1] for line in lines] == ["over", "half"]
    assert lines[0][3:] == ["$3.00", "$2.00", "150%", "2", "h", "0", "min"]


def test_a_gateway_without_routes_or_requests_tells_the_next_step(top: Any, gateway: Gateway) -> None:
    gateway.tells(state())
    without_routes = top().out
    gateway.tells(state(route("lumina/minilm", unused("minilm"))))
    without_requests = top().out

    assert "lumina up --config FILE" in without_routes
    assert "lumina chat" in without_requests


def test_json_is_the_state_as_it_came_even_of_another_version(top: Any, gateway: Gateway) -> None:
    gateway.body = b'{"version": 2, "new": true}'

    done = top("--json")

    assert json.loads(done.out) == {"version": 2, "new": True}


@pytest.mark.parametrize("body", [b'{"version": 2}', b"[]", b'{"version": 1, "routes": 5}'])
def test_a_state_of_another_form_is_refused_with_the_next_step(top: Any, gateway: Gateway, body: bytes) -> None:
    gateway.body = body

    done = top()

    assert done.status == 1
    assert "--json" in done.err


def test_a_refusal_is_passed_on(top: Any, gateway: Gateway) -> None:
    gateway.status, gateway.body = 403, b'{"error": {"message": "This key lacks the scope \'metrics\'."}}'

    done = top()

    assert (done.status, done.out) == (1, "")
    assert "lacks the scope 'metrics'" in done.err


@dataclass
class Screen:
    """`lumina gateway top` at a terminal of this width."""

    process: subprocess.Popen[bytes]
    descriptor: int
    shown: bytearray = field(default_factory=bytearray)

    def __post_init__(self) -> None:
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        try:
            while data := os.read(self.descriptor, 65536):
                self.shown.extend(data)
        except OSError:
            return  # the terminal ends with its last writer

    def shows(self, text: str) -> bool:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and text.encode() not in self.shown:
            time.sleep(0.02)
        return text.encode() in self.shown


@pytest.fixture
def screen(gateway: Gateway) -> Iterator[Screen]:
    gateway.tells(state(route("gpt-4o", backend("east"), backend("west"))))
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "lumina_platform.cli", "gateway", "top", "--interval", "0.2"],
        stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        env={**os.environ, **environment(gateway), "TERM": "xterm-256color"},
    )  # fmt: skip
    os.close(theirs)
    shown = Screen(process, ours)
    yield shown
    process.kill()
    process.wait()
    shown.reader.join(2)
    os.close(ours)


def test_at_a_terminal_it_is_drawn_again_until_q(screen: Screen, gateway: Gateway) -> None:
    assert screen.shows("  west")
    gateway.tells(state(route("gpt-4o", backend("north"))))
    assert screen.shows("q or Ctrl-C")
    gateway.tells(state(route("new-route", backend("north"))))
    assert screen.shows("new-route")

    os.write(screen.descriptor, b"q")

    assert screen.process.wait(10) == 0
    assert b"Traceback" not in screen.shown


def test_a_gateway_that_goes_away_is_asked_again_until_ctrl_c(screen: Screen, gateway: Gateway) -> None:
    assert screen.shows("  west")
    gateway.status, gateway.body = 500, b""
    assert screen.shows("It is asked again.")
    gateway.status = 200
    gateway.tells(state(route("back", backend("north"))))
    assert screen.shows("back")

    screen.process.send_signal(signal.SIGINT)

    assert screen.process.wait(10) == 0
    assert b"Traceback" not in screen.shown
