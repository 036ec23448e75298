"""On-demand parts: asleep they are woken once, whoever waits."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from apps.inference.tests.gateway_world import backend, gateway, plain_chat, provider, snapshot
from lumina_inference.gateway.index import TRANSLATOR
from lumina_kit.errors import Unavailable

BODY: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
ONCE = {"x_litellm_num_retries": "0"}
EMBEDDED = backend("http://embedded/v1", socket="embedded.sock", part="embedded", api_key=None)


class Supervisor:
    """Starts the part for real: a provider on the unix socket."""

    def __init__(self, folder: Path, stack: AsyncExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self.starts: list[str] = []

    async def start(self, part: str) -> None:
        self.starts.append(part)
        await asyncio.sleep(0)
        await self._stack.enter_async_context(provider(plain_chat, self._folder / "embedded.sock"))

    async def put_to_sleep(self) -> None:
        """The process leaves, its socket's file may stay behind."""
        await self._stack.aclose()
        (self._folder / "embedded.sock").touch()


@asynccontextmanager
async def supervised() -> AsyncIterator[tuple[Path, Supervisor]]:
    with tempfile.TemporaryDirectory(prefix="lp-") as folder:
        async with AsyncExitStack() as stack:
            yield Path(folder), Supervisor(Path(folder), stack)


async def test_all_who_wait_for_a_sleeping_part_share_one_start() -> None:
    async with (
        supervised() as (folder, supervisor),
        gateway(snapshot(EMBEDDED), folder=folder, start_part=supervisor.start) as running,
    ):
        answers = await asyncio.gather(*(running.post("/v1/chat/completions", BODY) for _ in range(5)))

    assert [status for status, _, _ in answers] == [200] * 5
    assert supervisor.starts == ["embedded"]


async def test_part_that_left_since_the_last_request_is_started_again() -> None:
    async with (
        supervised() as (folder, supervisor),
        gateway(snapshot(EMBEDDED), folder=folder, start_part=supervisor.start) as running,
    ):
        first, _, _ = await running.post("/v1/chat/completions", BODY)
        await supervisor.put_to_sleep()
        (folder / "embedded.sock").unlink()
        second, _, _ = await running.post("/v1/chat/completions", BODY)

    assert (first, second) == (200, 200)
    assert supervisor.starts == ["embedded", "embedded"]


async def test_part_that_cannot_start_is_unavailable_with_the_reason() -> None:
    async def start(part: str) -> None:
        raise Unavailable("the model is not built")

    async with gateway(snapshot(EMBEDDED), start_part=start) as running:
        status, answer, _ = await running.post("/v1/chat/completions", BODY)

    assert (status, answer["error"]["code"]) == (503, "part_unavailable")
    assert "the model is not built" in answer["error"]["message"]


async def test_start_that_takes_too_long_is_given_up() -> None:
    async def start(part: str) -> None:
        await asyncio.Event().wait()

    async with gateway(snapshot(EMBEDDED), start_part=start, part_start_timeout_seconds=0.1) as running:
        status, answer, _ = await running.post("/v1/chat/completions", BODY)

    assert (status, answer["error"]["message"]) == (503, "'embedded' did not start within 0.1 s.")


async def test_waiting_for_a_start_does_not_use_up_the_backends_own_time() -> None:
    async with supervised() as (folder, supervisor):

        async def slowly(part: str) -> None:
            await asyncio.sleep(0.3)
            await supervisor.start(part)

        quick = backend("http://embedded/v1", socket="embedded.sock", part="embedded", timeout_seconds=0.2)
        async with gateway(snapshot(quick), folder=folder, start_part=slowly) as running:
            status, _, _ = await running.post("/v1/chat/completions", BODY)

    assert status == 200


async def test_translator_that_does_not_start_speaks_against_no_backend_that_has_paths_of_its_own() -> None:
    async def broken(part: str) -> None:
        assert part == TRANSLATOR
        raise Unavailable("it is broken")

    async with provider(plain_chat) as upstream:
        native = backend(upstream.url, translation='{"model": "openai/served-model"}')
        async with gateway(snapshot(native), start_part=broken) as running:
            translated = [await running.post("/v1/messages", BODY, **ONCE) for _ in range(5)]
            native_status, _, _ = await running.post("/v1/chat/completions", BODY)

    assert {answer["error"]["type"] for _, answer, _ in translated} == {"api_error"}
    assert {status for status, _, _ in translated} == {503}
    assert native_status == 200
