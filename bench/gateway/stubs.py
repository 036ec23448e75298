"""The backends: nginx for fixed answers and as a sink for spans, and the drills' provider for paced streams."""

import contextlib
import os
import shutil
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.gateway.asked import PACE, stub_files
from bench.gateway.processes import free_port, running, worker

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


@dataclass(frozen=True)
class Stubs:
    """`bases` are the addresses of the kinds, up to and including `/v1`."""

    bases: dict[str, str]
    otlp: str
    nginx_pid: int


@contextlib.contextmanager
def stubs(root: Path) -> Iterator[Stubs]:
    with contextlib.ExitStack() as stack:
        port = free_port()
        nginx = worker(stack.enter_context(running(_nginx(root, port), log=root / "nginx.log")))
        listening = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        argv = [sys.executable, "-m", "tools.drills.provider", str(listening.fileno())]
        environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
        stack.enter_context(running(argv, environment, listening=listening))
        bases = {kind: f"http://127.0.0.1:{port}/{kind}/v1" for kind in ("plain", "stream")}
        bases["paced"] = f"http://127.0.0.1:{listening.getsockname()[1]}/{PACE}/v1"
        yield Stubs(bases, f"http://127.0.0.1:{port}/otlp", nginx)


def _nginx(root: Path, port: int) -> list[str]:
    text = (HERE / "nginx.conf").read_text().replace("@PORT@", str(port)).replace("@ROOT@", str(root))
    (root / "nginx.conf").write_text(text)
    for name, content in stub_files().items():
        (root / name).write_bytes(content)
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    if not Path(program).exists():
        raise SystemExit("nginx is not installed: apt install nginx")
    return [program, "-p", str(root), "-c", str(root / "nginx.conf")]
