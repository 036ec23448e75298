"""The process of the translation, started as the supervisor starts it."""

import asyncio
import os
import signal

from apps.inference.tests.anthropic_server import KEY, Failure, anthropic_server
from apps.inference.tests.translator_world import running

PROMPT = "a prompt that nobody else may read"
LOUD = {"LUMINA_LOG_LEVEL": "debug", "LITELLM_LOG": "DEBUG", "DEBUG": "1"}


async def test_process_tells_nobody_and_leaves_when_idle() -> None:
    connections: list[object] = []
    proxy = await asyncio.start_server(lambda *peer: connections.append(peer), "127.0.0.1", 0)
    address = f"http://127.0.0.1:{proxy.sockets[0].getsockname()[1]}"
    told = {**LOUD, "HTTPS_PROXY": address, "HTTP_PROXY": address, "NO_PROXY": "127.0.0.1"}

    async with anthropic_server() as provider:
        with running(told, translator_idle_seconds="1") as process:
            provider.does(failure=Failure(401, "authentication_error", f"no such key: {KEY}"))
            for path in ("/v1/chat/completions", "/v1/messages"):
                async with process.http(model="anthropic/x", api_key=KEY, api_base=provider.url) as http:
                    body = {"messages": [{"role": "user", "content": PROMPT}], "max_tokens": 9}
                    answer = await http.post(path, json=body)
                assert (answer.status_code, KEY in answer.text) == (401, False)
            left = await asyncio.to_thread(process.child.lifeline.recv, 8)
            status = await asyncio.to_thread(process.child.wait)
            printed = process.child.output.read().decode()

    proxy.close()
    assert (left, status) == (b"leaving\n", 0)
    assert PROMPT not in printed
    assert KEY not in printed
    assert connections == []


def test_process_leaves_when_told() -> None:
    with running() as process:
        os.kill(process.child.pid, signal.SIGTERM)

        assert process.child.wait() == 0
