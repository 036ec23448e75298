"""The embedded models as the tests use them: the cache of this machine, built once, and their server on a socket."""

import json
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any, cast

import httpx
from aiohttp import web
from openai import AsyncOpenAI

from lumina_inference.embedded.build import build
from lumina_inference.embedded.encoder import Encoder
from lumina_inference.embedded.files import ModelFolder
from lumina_inference.embedded.minilm import MiniLM
from lumina_inference.embedded.server import Models
from lumina_inference.embedded.work import Worker
from lumina_inference.settings import InferenceSettings, models_folder

BODY_BYTES = 400_000


@cache
def model_folder() -> ModelFolder:
    """The folder of the model, built at the first need."""
    folder = ModelFolder.below(models_folder(InferenceSettings()))
    build(folder)
    return folder


@cache
def minilm() -> MiniLM:
    return MiniLM(model_folder(), threads=2)


@cache
def encoder() -> Encoder:
    return Encoder(minilm(), Worker(places=64))


@asynccontextmanager
async def serving(places: int = 64) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the embedded models' server on a unix socket."""
    worker = Worker(places)
    runner = web.AppRunner(Models(Encoder(minilm(), worker)).app(BODY_BYTES), handler_cancellation=True)
    await runner.setup()
    with tempfile.TemporaryDirectory(prefix="lumina-") as folder:
        socket = str(Path(folder) / "embedded.sock")
        await web.UnixSite(runner, socket).start()
        async with httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(uds=socket), base_url="http://embedded", timeout=60
        ) as client:
            yield client
        await runner.cleanup()
    worker.close()


def sdk(client: httpx.AsyncClient) -> AsyncOpenAI:
    """OpenAI's SDK on the server's socket, with its strict response validation."""
    http_client = cast(Any, client)  # the SDK's type names its own copy of httpx, and takes either
    return AsyncOpenAI(
        api_key="none",
        base_url="http://embedded/v1",
        http_client=http_client,
        max_retries=0,
        _strict_response_validation=True,
    )


def chat(question: str, *, context: str | None = None, **more: Any) -> dict[str, Any]:
    """A chat request for the extractive answerer."""
    system = [{"role": "system", "content": context}] if context is not None else []
    return {"model": "lumina/extractive", "messages": [*system, {"role": "user", "content": question}], **more}


async def error_of(client: httpx.AsyncClient, path: str, body: object) -> tuple[int, dict[str, Any]]:
    """The status and the error of a request that is refused; `body` is JSON, or bytes as they are."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = await client.post(path, content=content)
    return answer.status_code, answer.json()["error"]
