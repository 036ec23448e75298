"""All that is measured, each in its own process on a loopback port."""

import contextlib
import json
import os
import socket
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.request import Request, urlopen

from bench.gateway import litellm_proxy, lumina
from bench.gateway.asked import KEY, KINDS, body
from bench.gateway.processes import Subject, await_answers, running
from bench.gateway.stubs import HERE, Stubs, stubs

PATH = "v1/chat/completions"


@contextlib.contextmanager
def subjects(root: Path, *, peers: bool = True) -> Iterator[tuple[Subject, ...]]:
    """Start them, wait until each answers every kind, and end them afterwards. A peer that is absent is told of."""
    with contextlib.ExitStack() as stack:
        backends = stack.enter_context(stubs(root))
        found = [_direct(backends), _bare(stack, backends), _lumina(stack, root, backends)]
        for subject in found:
            await_answers(subject, {kind: body(kind) for kind in KINDS}, KEY)
        _require_limits(found[-1])
        if peers:
            try:
                found.append(stack.enter_context(litellm_proxy.proxy(root, backends)))
            except litellm_proxy.Absent as error:
                print(f"LiteLLM's proxy is NOT MEASURED: {error}", file=sys.stderr, flush=True)
        yield tuple(found)


def _direct(backends: Stubs) -> Subject:
    urls = {kind: f"{base}/chat/completions" for kind, base in backends.bases.items()}
    return Subject("direct", urls, backends.nginx_pid)


def _bare(stack: contextlib.ExitStack, backends: Stubs) -> Subject:
    environment = {**os.environ, "BACKENDS": json.dumps(backends.bases)}
    port, pid = python(stack, [str(HERE / "passthrough.py")], environment)
    return Subject("bare", {kind: f"http://127.0.0.1:{port}/{kind}/{PATH}" for kind in KINDS}, pid)


def _lumina(stack: contextlib.ExitStack, root: Path, backends: Stubs) -> Subject:
    port, pid = python(stack, ["-m", "lumina_inference.gateway"], lumina.environment(root, backends), root)
    return Subject("lumina", dict.fromkeys(KINDS, f"http://127.0.0.1:{port}/{PATH}"), pid)


def _require_limits(gateway: Subject) -> None:
    """What is measured is to hold each request against its limits: the answer's headers show it."""
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    with urlopen(Request(gateway.urls["plain"], data=body("plain"), headers=headers), timeout=5) as answer:
        if "x-ratelimit-remaining-requests" not in answer.headers or "x-litellm-key-spend" not in answer.headers:
            raise SystemExit(f"Lumina does not check limits and budget here; its headers: {dict(answer.headers)}")


def python(
    stack: contextlib.ExitStack, program: list[str], environment: Mapping[str, str], root: Path | None = None
) -> tuple[int, int]:
    """Run a program of ours on an inherited socket: its port and its process id."""
    listening = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    environment = {**environment, "LUMINA_LISTEN_FD": str(listening.fileno())}
    pid = stack.enter_context(running([sys.executable, *program], environment, listening=listening))
    return int(listening.getsockname()[1]), pid
