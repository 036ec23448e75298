"""One translator process for a module of tests, and the official clients on its socket."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
from openai import AsyncOpenAI

from lumina_kit.spawn import Child, spawn


@dataclass(frozen=True)
class Running:
    """A translator that answers on its socket."""

    child: Child
    run_dir: Path

    def http(self, **translation: Any) -> httpx.AsyncClient:
        """A client that asks for this backend."""
        headers = {"x-lumina-translation": quote(json.dumps(translation))} if translation else {}
        transport = httpx.AsyncHTTPTransport(uds=str(self.run_dir / "translator.sock"))
        return httpx.AsyncClient(transport=transport, base_url="http://translator", timeout=30, headers=headers)

    def openai(self, **translation: Any) -> AsyncOpenAI:
        """OpenAI's SDK, which asks for this backend."""
        return AsyncOpenAI(
            api_key="none", base_url="http://translator/v1", http_client=self.http(**translation), max_retries=0
        )


@contextmanager
def running(**settings: str) -> Iterator[Running]:
    """Start the process as the supervisor does, and end it."""
    with tempfile.TemporaryDirectory(prefix="lumina-") as folder:
        told = {f"LUMINA_INFERENCE_{name.upper()}": value for name, value in settings.items()}
        environment = {"LUMINA_HOME": f"{folder}/home", "LUMINA_RUN_DIR": folder, **told}
        child = spawn("lumina_inference.translator", environment=environment)
        child.lifeline.settimeout(60)
        assert child.lifeline.recv(6) == b"ready\n", child.output.read()
        yield Running(child, Path(folder))
        child.lifeline.close()
        child.wait()
