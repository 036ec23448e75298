"""The command line in this process, and a small server that speaks the API's wire format for it to call."""

import json
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from lumina_platform.cli.main import run


@dataclass
class Asked:
    method: str
    path: str
    query: dict[str, str]
    headers: "Message[str, str]"
    body: Any


@dataclass
class Contract:
    """A server with one answer per method and path, and what it was asked."""

    url: str
    answers: dict[tuple[str, str], tuple[int, Any]] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    def answer(self, method: str, path: str, body: Any, status: int = 200) -> None:
        self.answers[method, path] = (status, body)


@dataclass(frozen=True)
class Outcome:
    status: int
    out: str
    err: str


Lumina = Callable[..., Outcome]


@pytest.fixture
def contract() -> Iterator[Contract]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    told = Contract(f"http://127.0.0.1:{server.server_address[1]}")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            sent = self.rfile.read(int(self.headers.get("content-length") or 0))
            body = json.loads(sent) if sent else None
            told.asked.append(Asked(self.command, url.path, dict(parse_qsl(url.query)), self.headers, body))
            known = told.answers.get((self.command, self.path)) or told.answers.get((self.command, url.path))
            status, answer = known or (404, {"detail": f"No {self.path}."})
            data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            for name, value in (told.headers | {"content-length": str(len(data))}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815 - the names that http.server calls

        def log_message(self, *_: object) -> None:
            """Tests are quiet."""

    server.RequestHandlerClass = Handler
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield told
    server.shutdown()
    server.server_close()


def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *first: str) -> Lumina:
    """Runs `lumina` in this process, with the same first words each time, as from a shell whose output is a pipe."""

    def call(*arguments: str) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["lumina", *first, *arguments])
        status = 0
        try:
            run()
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
        captured = capsys.readouterr()
        return Outcome(status, captured.out, captured.err)

    return call


@pytest.fixture
def lumina(contract: Contract, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Lumina:
    """Runs `lumina` with arguments, as the caller of a key of the contract server."""
    monkeypatch.setenv("LUMINA_URL", contract.url)
    monkeypatch.setenv("LUMINA_GATEWAY_URL", contract.url)
    monkeypatch.setenv("LUMINA_API_KEY", "lum_secret")

    return command(monkeypatch, capsys)
