from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from lumina_contracts.snapshot import Backend, KeysPart, Route, RoutesPart, sealed
from lumina_inference.gateway.index import Target, index
from lumina_inference.gateway.probes import Probe

KEY = "sk-of-the-backend"


@dataclass
class Server:
    """Answers anything, and keeps what it was asked."""

    address: str = ""
    asked: list[tuple[str, str]] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append((request.path, str(sorted(request.headers.items()))))
        return web.Response(status=503 if request.path == "/ill" else 404)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    found = Server()
    app = web.Application()
    app.router.add_get("/{path:.*}", found.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    found.address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield found
    await runner.cleanup()


def target(backend: Backend) -> Target:
    route = Route(name="m", backends=(backend,), kinds=("chat",))
    return index(sealed(RoutesPart(routes=(route,)), KeysPart())).routes["m"].targets[0]


def backend(url: str, probe_url: str | None = None, translation: str | None = None) -> Backend:
    return Backend(
        id="b", provider="openai", model="m", url=url, api_key=KEY, probe="health", probe_url=probe_url,
        translation=translation, translated=translation is not None,
    )  # fmt: skip


@pytest.mark.parametrize(("path", "alive"), [("/up", True), ("/ill", False)])
async def test_any_answer_but_an_error_of_the_server_is_a_sign_of_life(server: Server, path: str, alive: bool) -> None:
    async with Probe(5.0) as probe:
        assert await probe.alive(target(backend(f"{server.address}/v1", server.address + path))) is alive

    assert server.asked[0][0] == path
    assert KEY in server.asked[0][1]


@pytest.mark.parametrize("url", ["http://elsewhere.invalid/v1", "http://translator/v1"])
async def test_no_credential_goes_to_a_probes_address_that_is_not_the_backends(server: Server, url: str) -> None:
    async with Probe(5.0) as probe:
        await probe.alive(
            target(backend(url, f"{server.address}/up", '{"model":"anthropic/m","api_key":"' + KEY + '"}'))
        )

    assert len(server.asked) == 1
    assert KEY not in server.asked[0][1]
