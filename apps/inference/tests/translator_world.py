"""One translator process for a module of tests, and the official clients on its socket."""

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

import httpx
import httpx2
from anthropic import AsyncAnthropic
from openai import AsyncOpenAI

from lumina_kit.spawn import Child, spawn

ASK: Any = [{"role": "system", "content": "Be short."}, {"role": "user", "content": "Hello?"}]
SAY: Any = [{"role": "user", "content": "Hello?"}]
CITY: Any = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS: Any = [{"type": "function", "function": {"name": "weather", "description": "Now.", "parameters": CITY}}]
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def image(url: str) -> Any:
    """A message with an image."""
    part = {"type": "image_url", "image_url": {"url": url}}
    return [{"role": "user", "content": [{"type": "text", "text": "What is it?"}, part]}]


@dataclass(frozen=True)
class Running:
    """A translator that answers on its socket."""

    child: Child
    run_dir: Path

    @property
    def socket(self) -> str:
        return str(self.run_dir / "translator.sock")

    def http(self, **translation: Any) -> httpx.AsyncClient:
        """A client that asks for this backend."""
        transport = httpx.AsyncHTTPTransport(uds=self.socket)
        headers = _headers(translation)
        return httpx.AsyncClient(transport=transport, base_url="http://translator", timeout=30, headers=headers)

    def openai(self, **translation: Any) -> AsyncOpenAI:
        """OpenAI's SDK, which asks for this backend."""
        http = cast(Any, self.http(**translation))  # the SDK's type names httpx or its successor, by its version
        return AsyncOpenAI(api_key="none", base_url="http://translator/v1", http_client=http, max_retries=0)

    def anthropic(self, **translation: Any) -> AsyncAnthropic:
        """Anthropic's SDK, which asks for this backend."""
        transport = httpx2.AsyncHTTPTransport(uds=self.socket)
        http = httpx2.AsyncClient(transport=transport, timeout=30, headers=_headers(translation))
        return AsyncAnthropic(api_key="none", base_url="http://translator", http_client=http, max_retries=0)


def _headers(translation: dict[str, Any]) -> dict[str, str]:
    return {"x-lumina-translation": quote(json.dumps(translation))} if translation else {}


@contextmanager
def running(told: Mapping[str, str] = {}, **settings: str) -> Iterator[Running]:
    """Start the process as the supervisor does, and end it. `told` is more of its environment."""
    with tempfile.TemporaryDirectory(prefix="lumina-") as folder:
        own = {f"LUMINA_INFERENCE_{name.upper()}": value for name, value in settings.items()}
        environment = {"LUMINA_HOME": f"{folder}/home", "LUMINA_RUN_DIR": folder, **told, **own}
        child = spawn("lumina_inference.translator", environment=environment)
        child.lifeline.settimeout(60)
        assert child.lifeline.recv(6) == b"ready\n", child.output.read()
        yield Running(child, Path(folder))
        child.lifeline.close()
        child.wait()
