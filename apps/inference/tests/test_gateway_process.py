"""The gateway as a process of its own, as the supervisor starts it."""

import asyncio
import base64
import json
import os
import signal
import socket
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from apps.inference.tests.gateway_world import (
    ADMIN_KEY,
    MASTER,
    STREAM,
    USER_KEY,
    Control,
    backend,
    provider,
    serving_control,
    snapshot,
    streaming,
)
from lumina_kit.home import Home
from lumina_kit.masterkey import MasterKey
from lumina_kit.spawn import Child, spawn

BODY: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


@dataclass
class Process:
    child: Child
    port: int
    output: asyncio.Task[bytes]

    async def ask(self, path: str, body: Any = None) -> tuple[int, str]:
        return await asyncio.to_thread(self._ask, path, body)

    def _ask(self, path: str, body: Any) -> tuple[int, str]:
        data = json.dumps(body).encode() if body is not None else None
        headers = {"Authorization": f"Bearer {USER_KEY}", "Content-Type": "application/json"}
        try:
            with urlopen(Request(f"http://127.0.0.1:{self.port}{path}", data, headers), timeout=20) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            return error.code, error.read().decode()

    async def told(self) -> bytes:
        """What it says on its lifeline."""
        return await asyncio.wait_for(asyncio.to_thread(self.child.lifeline.recv, 4096), 20)

    async def ended(self) -> int:
        return await asyncio.wait_for(asyncio.to_thread(self.child.wait), 20)


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate for localhost, and its key."""
    private_key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, private_key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(hours=1))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    signed = builder.sign(private_key, hashes.SHA256())
    plain = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "tls.crt").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    (folder / "tls.key").write_bytes(private_key.private_bytes(serialization.Encoding.PEM, *plain))
    return folder / "tls.crt", folder / "tls.key"


@asynccontextmanager
async def started(folder: Path, **environment: str) -> AsyncIterator[Process]:
    key_file = folder / "master.key"
    key_file.write_bytes(base64.b64encode(MASTER.secret))
    (folder / "admin.key").write_text(ADMIN_KEY)
    listening = socket.create_server(("127.0.0.1", 0))
    child = spawn(
        "lumina_inference.gateway",
        environment={
            "LUMINA_HOME": str(folder),
            "LUMINA_RUN_DIR": str(folder),
            "LUMINA_KEY_FILE": str(key_file),
            "LUMINA_LISTEN_FD": str(listening.fileno()),
            "LUMINA_LOG_FORMAT": "json",
            **environment,
        },
        inherit=(listening.fileno(),),
    )
    draining = asyncio.create_task(asyncio.to_thread(child.output.read))
    try:
        yield Process(child, listening.getsockname()[1], draining)
    finally:
        child.kill()
        child.wait()
        await draining
        child.lifeline.close()
        listening.close()


async def test_process_tells_that_it_is_ready_serves_and_leaves_when_asked(tmp_path: Path) -> None:
    async with (
        provider(streaming(*STREAM)) as upstream,
        serving_control(Control(snapshot(backend(upstream.url))), tmp_path),
        started(tmp_path) as process,
    ):
        assert await process.told() == b"ready\n"
        status, text = await process.ask("/v1/chat/completions", BODY | {"stream": True})
        process.child.terminate()

        assert (status, text.endswith("data: [DONE]\n\n")) == (200, True)
        assert await process.ended() == 0


async def test_open_request_ends_before_the_process_does(tmp_path: Path) -> None:
    release = asyncio.Event()
    async with (
        provider(streaming(*STREAM, pause=release)) as upstream,
        serving_control(Control(snapshot(backend(upstream.url))), tmp_path),
        started(tmp_path) as process,
    ):
        await process.told()
        asking = asyncio.create_task(process.ask("/v1/chat/completions", BODY | {"stream": True}))
        while not upstream.bodies:  # noqa: ASYNC110  # the provider is asked in its own time
            await asyncio.sleep(0.01)
        os.kill(process.child.pid, signal.SIGTERM)
        await asyncio.sleep(0.1)
        release.set()

        status, text = await asking
        assert (status, text.endswith("data: [DONE]\n\n")) == (200, True)
        assert await process.ended() == 0


async def test_process_speaks_tls_when_it_is_given_a_certificate(tmp_path: Path) -> None:
    certificate, private_key = self_signed(tmp_path)
    async with (
        serving_control(Control(snapshot()), tmp_path),
        started(tmp_path, LUMINA_TLS_CERT=str(certificate), LUMINA_TLS_KEY=str(private_key)) as process,
    ):
        await process.told()
        trusting = ssl.create_default_context(cafile=certificate)
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", process.port, ssl=trusting, server_hostname="localhost"
        )
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = await reader.read()
        writer.close()

    assert answer.startswith(b"HTTP/1.1 200 OK")


async def test_process_ends_when_its_starter_is_gone(tmp_path: Path) -> None:
    async with serving_control(Control(snapshot()), tmp_path), started(tmp_path) as process:
        await process.told()
        process.child.lifeline.shutdown(socket.SHUT_RDWR)

        assert await process.ended() in {0, 1}


@pytest.mark.parametrize("name", ["fastapi", "pydantic", "sqlalchemy", "httpx", "litellm", "requests", "numpy"])
def test_process_holds_no_framework(name: str) -> None:
    import subprocess

    code = f"import sys, lumina_inference.gateway.__main__; sys.exit({name!r} in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


async def test_wrong_setting_ends_the_process_with_its_name(tmp_path: Path) -> None:
    async with started(tmp_path, LUMINA_GATEWAY_MAX_HEADERS="none") as process:
        told = await process.told()

        assert told.startswith(b"failed ")
        assert b"max_headers" in told
        assert await process.ended() == 1
        assert await process.output == b""


async def test_file_that_cannot_be_read_ends_the_process_with_its_reason_and_no_traceback(tmp_path: Path) -> None:
    async with started(tmp_path, LUMINA_TLS_CERT=str(tmp_path / "absent.crt")) as process:
        told = await process.told()

        assert told.startswith(b"failed ")
        assert b"No such file" in told
        assert await process.ended() == 1
        assert b"Traceback" not in await process.output


async def test_wrong_master_key_ends_the_process_with_its_reason_and_no_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LUMINA_KEY_FILE", str(tmp_path / "other.key"))
    MasterKey.load(Home(tmp_path))
    async with started(tmp_path) as process:
        told = await process.told()

        assert told.startswith(b"failed ")
        assert await process.ended() == 1
        assert b"Traceback" not in await process.output
