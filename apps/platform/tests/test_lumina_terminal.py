"""`lumina up` at a terminal, with TLS and two gateway processes, up to its sudden end: one run, told step by step."""

import asyncio
import contextlib
import json
import os
import pty
import re
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from lumina_kit.home import Home
from lumina_kit.parts import PartsClient, PartStatus
from lumina_platform.cli.target import find_target
from lumina_platform.supervisor.endpoints import Endpoints


@dataclass
class Terminal:
    """A Lumina whose standard output and error are a terminal, and what that shows."""

    process: subprocess.Popen[bytes]
    home: Home
    certificate: Path
    descriptor: int
    shown: bytearray = field(default_factory=bytearray)

    def __post_init__(self) -> None:
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # the terminal ends with its last writer
            while data := os.read(self.descriptor, 65536):
                self.shown.extend(data)

    def shows(self, text: str, seconds: float = 60) -> bool:
        return holds_within(seconds, lambda: text.encode() in self.shown or self.process.poll() is not None)

    @property
    def text(self) -> str:
        return self.shown.decode(errors="replace")


def holds_within(seconds: float, condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return condition()


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "lumina.test")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    now = datetime.now(UTC)
    certificate = (
        builder.not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    files = folder / "cert.pem", folder / "key.pem"
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    folder = tmp_path_factory.mktemp("terminal")
    certificate, key = self_signed(folder)
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "lumina_platform.cli", "up", "--home", str(folder / "home"), "--port", "0",
         "--gateway-port", "0", "--tls-cert", str(certificate), "--tls-key", str(key)],
        stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, start_new_session=True,
        env={**os.environ, "LUMINA_KEY_FILE": str(folder / "master.key"), "TERM": "dumb",
             "LUMINA_PLATFORM_GATEWAY_PROCESSES": "2", "LUMINA_GATEWAY_MAX_INFLIGHT": "9"},
    )  # fmt: skip
    os.close(theirs)
    found = Terminal(process, Home(folder / "home"), certificate, ours)
    assert found.shows("Ctrl-C stops everything."), found.text
    yield found
    process.kill()
    process.wait()


def browser(terminal: Terminal) -> httpx.Client:
    trust = ssl.create_default_context(cafile=str(terminal.certificate))
    return httpx.Client(verify=trust, trust_env=False, follow_redirects=True)


def children(terminal: Terminal) -> list[int]:
    """Every process that carries the supervisor's home in its environment, but itself."""
    mark = f"LUMINA_HOME={terminal.home.path}".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark in (process / "environ").read_bytes() and int(process.name) != terminal.process.pid:
                found.append(int(process.name))
    return found


def told(terminal: Terminal, *command: str) -> Any:
    """What a command prints as JSON."""
    arguments = [*command, "--json", "--home", str(terminal.home.path)]
    done = subprocess.run(
        [sys.executable, "-m", "lumina_platform.cli", *arguments],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    return json.loads(done.stdout)


def gateways(terminal: Terminal) -> list[PartStatus]:
    """The gateway's processes as the supervisor sees them now."""
    endpoints = Endpoints.read(terminal.home)
    assert endpoints
    parts = asyncio.run(PartsClient(Path(endpoints.run_dir)).status())
    return [part for part in parts if part.name.startswith("gateway")]


def asked(terminal: Terminal) -> subprocess.CompletedProcess[str]:
    """A question to the embedded answerer, by the command line."""
    return subprocess.run(
        [sys.executable, "-m", "lumina_platform.cli", "chat", "What are you?", "--home", str(terminal.home.path)],
        capture_output=True, text=True, timeout=90, check=False,
    )  # fmt: skip


def test_the_terminal_shows_both_addresses_and_a_link_that_signs_in_once(terminal: Terminal) -> None:
    endpoints = Endpoints.read(terminal.home)
    assert endpoints
    assert endpoints.control.startswith("https://127.0.0.1:")
    assert endpoints.control in terminal.text
    assert f"{endpoints.gateway}/v1" in terminal.text

    link = re.search(r"https://\S+/sign-in/\S+", terminal.text)
    assert link, terminal.text
    with browser(terminal) as first:
        signed_in = first.get(link[0])
        cookies = [cookie.secure for cookie in first.cookies.jar]
    with browser(terminal) as second:
        refused = second.get(link[0])

    assert (signed_in.status_code, signed_in.url.path) == (200, "/docs")
    assert cookies == [True]
    assert refused.url.path != "/docs"


def test_the_log_file_holds_no_sign_in_link(terminal: Terminal) -> None:
    token = re.findall(r"/sign-in/(\S+)", terminal.text)[0]

    assert token not in (terminal.home.logs_dir / "lumina.log").read_text()


def test_the_command_line_trusts_the_certificate_that_lumina_was_given(terminal: Terminal) -> None:
    done = asked(terminal)

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_a_misspelt_variable_is_told_with_the_one_that_was_meant(terminal: Terminal) -> None:
    assert "did you mean LUMINA_GATEWAY_MAX_IN_FLIGHT?" in terminal.text


def test_both_gateway_processes_serve_and_tell_one_state(terminal: Terminal) -> None:
    state = told(terminal, "gateway", "top")

    assert [process["instance"] for process in state["processes"]] == ["gateway", "gateway-2"]
    assert state["silent"] == []
    assert len({process["pid"] for process in state["processes"]}) == 2


def test_callers_are_answered_while_every_gateway_process_is_killed_twice_in_a_row(terminal: Terminal) -> None:
    for _ in range(2):
        before = gateways(terminal)
        for gateway in before:
            os.kill(gateway.pid or 0, signal.SIGKILL)

        state = told(terminal, "gateway", "top")

        assert {gateway.pid for gateway in before}.isdisjoint(process["pid"] for process in state["processes"])
        assert holds_within(20, lambda: all(gateway.state == "ready" for gateway in gateways(terminal)))


@pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")
def test_killing_the_supervisor_ends_every_process_within_two_seconds(terminal: Terminal) -> None:
    asked(terminal)
    assert len(children(terminal)) == 5  # control, telemetry, two gateways, and embedded, which the question has woken
    assert find_target(terminal.home.path).key

    os.kill(terminal.process.pid, signal.SIGKILL)

    assert holds_within(2, lambda: children(terminal) == [])
