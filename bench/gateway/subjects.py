"""What is measured: nginx alone, a bare pass-through, and the gateway, each a process on a loopback port."""

import asyncio
import contextlib
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.request import Request, urlopen

import msgspec

from lumina_contracts.snapshot import Backend, KeyEntry, KeysPart, Route, RoutesPart, sealed
from lumina_inference.gateway.vault import Vault
from lumina_kit.home import Home
from lumina_kit.masterkey import MasterKey

HERE = Path(__file__).parent
KEY = "lk-bench-0123456789"
KINDS = ("plain", "stream")
_TICKS = os.sysconf("SC_CLK_TCK")
_SENTENCE = "The gateway passes every answer on as it came , event by event , and notes who asked"
_WORDS = _SENTENCE.split()


@dataclass(frozen=True)
class Subject:
    """A server under measurement; `url` has a place for the kind of answer."""

    name: str
    url: str
    pid: int

    def cpu_seconds(self) -> float:
        """User and system time of the process so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def pss_mib(self) -> float:
        """Its proportional share of memory."""
        lines = Path(f"/proc/{self.pid}/smaps_rollup").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


@contextlib.contextmanager
def running(root: Path) -> Iterator[tuple[Subject, Subject, Subject]]:
    """Start all three, wait until each answers both kinds, and end them afterwards."""
    with contextlib.ExitStack() as stack:
        stub_port = _free_port()
        direct = _subject(stack, "direct", stub_port, _nginx(root, stub_port))
        backend = {"BACKEND": f"http://127.0.0.1:{stub_port}"}
        bare = _python(stack, "pass-through", [str(HERE / "passthrough.py")], backend)
        lumina = _python(stack, "lumina", ["-m", "lumina_inference.gateway"], _gateway_home(root, stub_port))
        for subject in (direct, bare, lumina):
            _await_answers(subject)
        yield direct, bare, lumina


def body(kind: str) -> bytes:
    """The request: a short chat with a system message."""
    messages = [
        {"role": "system", "content": "You are a helpful assistant."},
        {"role": "user", "content": "Tell me in one sentence what a gateway for language models does."},
    ]
    return json.dumps({"model": kind, "messages": messages, "temperature": 0.2, "stream": kind == "stream"}).encode()


def _nginx(root: Path, port: int) -> list[str]:
    text = (HERE / "nginx.conf").read_text().replace("@PORT@", str(port)).replace("@ROOT@", str(root))
    (root / "nginx.conf").write_text(text)
    (root / "plain.json").write_bytes(_plain_answer())
    (root / "stream.sse").write_bytes(_stream_answer())
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    return [program, "-p", str(root), "-c", str(root / "nginx.conf")]


def _plain_answer() -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", "content": _SENTENCE}, "finish_reason": "stop"}
    return json.dumps(_answer("chat.completion") | {"choices": [choice], "usage": _usage()}).encode()


def _stream_answer() -> bytes:
    deltas: list[dict[str, object]] = [
        {"index": 0, "delta": {"content": f"{word} "}, "finish_reason": None} for word in _WORDS
    ]
    deltas.append({"index": 0, "delta": {}, "finish_reason": "stop"})
    events = [_answer("chat.completion.chunk") | {"choices": [delta]} for delta in deltas]
    events.append(_answer("chat.completion.chunk") | {"choices": [], "usage": _usage()})
    return b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events) + b"data: [DONE]\n\n"


def _answer(kind: str) -> dict[str, object]:
    return {"id": "chatcmpl-bench", "object": kind, "created": 1700000000, "model": "stub"}


def _usage() -> dict[str, int]:
    return {"prompt_tokens": 31, "completion_tokens": len(_WORDS), "total_tokens": 31 + len(_WORDS)}


def _gateway_home(root: Path, stub_port: int) -> dict[str, str]:
    """A home with a kept snapshot: control is absent, so the snapshot stays fixed."""
    home = Home(root / "home")
    home.path.mkdir()
    key_file = root / "master.key"
    os.environ["LUMINA_KEY_FILE"] = str(key_file)
    vault = Vault(home, MasterKey.load(home))
    asyncio.run(vault.write(msgspec.json.encode(_snapshot(stub_port))))
    home.admin_key_file.write_text(KEY)
    return {
        "LUMINA_HOME": str(home.path),
        "LUMINA_RUN_DIR": str(root),
        "LUMINA_LOG_FORMAT": "json",
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{stub_port}/otlp",
    }


def _snapshot(stub_port: int) -> msgspec.Struct:
    routes = tuple(_route(kind, f"http://127.0.0.1:{stub_port}/{kind}/v1") for kind in KINDS)
    digest = hashlib.sha256(KEY.encode()).hexdigest()
    entry = KeyEntry(id="bench", sha256=digest, project_id="bench", scopes=("inference",), role="admin")
    return sealed(RoutesPart(routes=routes), KeysPart(keys=(entry,)))


def _route(kind: str, url: str) -> Route:
    backend = Backend(id=f"stub-{kind}", provider="openai", model="stub", url=url, api_key="sk-bench")
    return Route(name=kind, backends=(backend,), kinds=("chat",))


def _python(stack: contextlib.ExitStack, name: str, program: list[str], environment: dict[str, str]) -> Subject:
    listening = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    environment = {**os.environ, **environment, "LUMINA_LISTEN_FD": str(listening.fileno())}
    argv = [sys.executable, *program]
    return _subject(stack, name, listening.getsockname()[1], argv, environment, (listening.fileno(),))


def _subject(
    stack: contextlib.ExitStack,
    name: str,
    port: int,
    argv: list[str],
    environment: dict[str, str] | None = None,
    inherit: tuple[int, ...] = (),
) -> Subject:
    # Log lines are written, as in real life, but not kept.
    process = subprocess.Popen(argv, env=environment, pass_fds=inherit, stderr=subprocess.DEVNULL)
    stack.callback(process.wait)
    stack.callback(process.terminate)
    path = "v1/chat/completions"
    url = f"http://127.0.0.1:{port}/{path}" if name == "lumina" else f"http://127.0.0.1:{port}/{{kind}}/{path}"
    return Subject(name, url, _worker(process.pid) if name == "direct" else process.pid)


def _worker(master: int) -> int:
    """nginx answers from a child of the process we started."""
    children = Path(f"/proc/{master}/task/{master}/children")
    while not (pids := children.read_text().split()):
        time.sleep(0.01)
    return int(pids[0])


def _await_answers(subject: Subject, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    for kind in KINDS:
        while not _answers(subject, kind):
            if time.monotonic() > deadline:
                raise SystemExit(f"{subject.name} does not answer {kind} within {seconds:.0f} s.")
            time.sleep(0.05)


def _answers(subject: Subject, kind: str) -> bool:
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    request = Request(subject.url.format(kind=kind), data=body(kind), headers=headers)
    try:
        with urlopen(request, timeout=5) as answer:
            return b"stub" in answer.read()
    except OSError:
        return False


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])
