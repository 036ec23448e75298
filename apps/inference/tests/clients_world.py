"""What the tests of the official clients share."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from openai import OpenAI
from pydantic import BaseModel

from apps.inference.tests.gateway_world import (
    USER_KEY,
    Answerer,
    Provider,
    Running,
    backend,
    gateway,
    provider,
    snapshot,
)
from apps.inference.tests.openai_api import openai_api

SAY: Any = [{"role": "user", "content": "Hello?"}]
ASK: Any = [{"role": "system", "content": "Be short."}, *SAY]
CITY: Any = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
TOOLS: Any = [{"type": "function", "function": {"name": "weather", "parameters": CITY, "strict": True}}]

Result = TypeVar("Result")


class City(BaseModel):
    """The answer that a caller wants."""

    city: str


@asynccontextmanager
async def serving(answer: Answerer = openai_api, **more: Any) -> AsyncIterator[tuple[Running, Provider]]:
    """A gateway with one backend that answers so; `more` is said of the backend."""
    async with provider(answer) as upstream, gateway(snapshot(backend(upstream.url, **more))) as running:
        yield running, upstream


async def in_thread(running: Running, work: Callable[[OpenAI], Result], **more: Any) -> Result:
    """What the synchronous client makes of it, while the gateway goes on in this thread."""
    settings: dict[str, Any] = {"base_url": f"{running.url}/v1", "api_key": USER_KEY, "max_retries": 0}

    def run() -> Result:
        with OpenAI(**(settings | {"_strict_response_validation": True} | more)) as sdk:
            return work(sdk)

    return await asyncio.to_thread(run)
