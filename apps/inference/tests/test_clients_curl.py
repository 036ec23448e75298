"""curl, as scripts and health checks use it."""

import asyncio
import json
import shutil

import pytest

from apps.inference.tests.clients_world import serving
from apps.inference.tests.gateway_world import AUTHORIZATION, CHAT, HELLO, Running

pytestmark = [pytest.mark.system("curl")]
WITH_BODY = ("-H", AUTHORIZATION, "-H", "Content-Type: application/json", "-d")


async def curl(running: Running, path: str, *options: str) -> tuple[str, int]:
    """What it prints, and the status of the answer."""
    program = shutil.which("curl") or "curl"
    child = await asyncio.create_subprocess_exec(
        program, "-sS", "--max-time", "20", "-w", "\n%{http_code}", *options, running.url + path,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    printed, _ = await child.communicate()
    assert child.returncode == 0
    text, _, status = printed.decode().rpartition("\n")
    return text, int(status)


async def test_chat_is_answered() -> None:
    async with serving() as (running, _):
        text, status = await curl(running, CHAT, *WITH_BODY, HELLO.decode())

    assert (status, json.loads(text)["choices"][0]["message"]["content"]) == (200, "hello")


async def test_stream_is_printed_as_events() -> None:
    body = json.dumps(json.loads(HELLO) | {"stream": True})
    async with serving() as (running, _):
        text, status = await curl(running, CHAT, "-N", *WITH_BODY, body)

    lines = [line.removeprefix("data: ") for line in text.splitlines() if line]
    assert (status, lines[-1]) == (200, "[DONE]")
    said = [json.loads(line)["choices"][0]["delta"].get("content") or "" for line in lines[:-1]]
    assert "".join(said) == "hello"


async def test_error_is_json_with_its_status() -> None:
    async with serving() as (running, _):
        text, status = await curl(running, CHAT, "-d", "{}")
        unread, bad = await curl(running, CHAT, *WITH_BODY, "{")

    assert (status, json.loads(text)["error"]["code"]) == (401, "invalid_api_key")
    assert (bad, json.loads(unread)["error"]["code"]) == (400, "invalid_json")


@pytest.mark.parametrize("path", ["/health/liveliness", "/health/readiness", "/healthz"])
async def test_probe_needs_no_key(path: str) -> None:
    async with serving() as (running, _):
        text, status = await curl(running, path, "--fail")

    assert status == 200
    assert text
