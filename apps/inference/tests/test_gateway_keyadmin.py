"""LiteLLM's /key/* at the gateway: who may ask, what control is told, and what comes back when control is down."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web
from msgspec import json as snapshot_json

from apps.inference.tests.gateway_world import ADMIN_KEY, KEYS, MASTER, NOW, USER_KEY, key, snapshot
from lumina_contracts.snapshot import KeyEntry, Snapshot
from lumina_inference.gateway.bodies import Bodies
from lumina_inference.gateway.dispatch import Dispatch
from lumina_inference.gateway.keyadmin import KeyAdmin
from lumina_inference.gateway.limits.store import StoreUnavailable
from lumina_inference.gateway.metrics import Metrics
from lumina_inference.gateway.protocol import Server
from lumina_inference.gateway.recorder import Recorder
from lumina_inference.gateway.routing import Endpoint, Table
from lumina_inference.gateway.settings import GatewaySettings
from lumina_inference.gateway.snapshots import Snapshots
from lumina_inference.gateway.standings import Standings
from lumina_inference.gateway.vault import Vault
from lumina_kit.home import Home

MASTER_KEY = "sk-master-0123456789"
NEW = key("lum_new", name="k-new")
MADE = {"key": "lum_new", "token_id": NEW.sha256}
INFO = {"key": None, "info": {"lumina_key_id": "k1", "budget_duration": "1d", "spend": None}}
ALL_KEYS = (*KEYS, key(MASTER_KEY, name="master-key"))


@dataclass
class Desk:
    """Control's internal socket: answers as told, and notes who asked for what."""

    status: int = 200
    body: bytes = b"{}"
    asked: list[tuple[str, str, str, bytes]] = field(default_factory=list)
    snapshots: asyncio.Queue[Snapshot] = field(default_factory=asyncio.Queue)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/snapshot":
            return await self._next(request)
        sent = (request.method, request.path_qs, request.headers["x-lumina-caller"], await request.read())
        self.asked.append(sent)
        return web.Response(status=self.status, body=self.body, content_type="application/json")

    async def _next(self, request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=snapshot_json.encode(await self.snapshots.get()))

    def answer(self, body: object, status: int = 200) -> None:
        self.status, self.body = status, json.dumps(body).encode()

    def keys(self, *entries: KeyEntry) -> None:
        self.snapshots.put_nowait(snapshot(keys=entries))


@dataclass
class Gateway:
    url: str
    desk: Desk

    async def ask(self, method: str, path: str, api_key: str = ADMIN_KEY, **sent: Any) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {api_key}"}
        async with (
            ClientSession() as session,
            session.request(method, self.url + path, headers=headers, **sent) as answer,
        ):
            return answer.status, await answer.json()


async def spent(subject: str, period: str) -> int:
    return {("key:k1", "day"): 1_500_000_000, ("key:k1", "month"): 7}[subject, period]


async def nobody_knows(subject: str, period: str) -> int:
    raise StoreUnavailable(f"{subject} {period}")


@asynccontextmanager
async def serving(folder: Path, spent: Any = spent) -> AsyncIterator[Gateway]:
    """A gateway with the key routes alone, whose control is `desk`."""
    desk, settings = Desk(), GatewaySettings()
    desk.keys(*ALL_KEYS)
    control = web.ServerRunner(web.Server(desk.handle, handler_cancellation=True), shutdown_timeout=0.1)
    await control.setup()
    await web.UnixSite(control, str(folder / "control.sock")).start()
    snapshots = Snapshots(Vault(Home(folder), MASTER))
    following = asyncio.create_task(snapshots.follow(folder / "control.sock"))
    async with KeyAdmin(folder / "control.sock", Bodies(settings), snapshots, spent, lambda: NOW) as admin:
        routes = Table(
            (
                Endpoint("POST", "/key/generate", admin.generate),
                Endpoint("POST", "/key/update", admin.update),
                Endpoint("POST", "/key/delete", admin.delete),
                Endpoint("GET", "/key/info", admin.info),
            )
        )
        loop = asyncio.get_running_loop()
        recorder = Recorder(Metrics(), Standings(loop.time), None, None)
        opened = Server(Dispatch(routes, snapshots, recorder), settings)
        server = await loop.create_server(opened, "127.0.0.1", 0)
        await snapshots.wait_until(lambda: snapshots.current is not None)
        yield Gateway(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", desk)
        following.cancel()
        server.close()
        opened.pre_shutdown()
        await opened.shutdown(0.1)
    await control.cleanup()


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with serving(tmp_path) as opened:
        yield opened


@pytest.mark.parametrize(("secret", "caller"), [(ADMIN_KEY, "k-admin"), (MASTER_KEY, "master-key")])
async def test_new_key_is_given_when_the_gateway_accepts_it(gateway: Gateway, secret: str, caller: str) -> None:
    gateway.desk.answer(MADE)
    gateway.desk.keys(*ALL_KEYS, NEW)

    status, made = await gateway.ask("POST", "/key/generate", secret, json={"models": ["m"]})
    gateway.desk.answer(INFO)
    own, _ = await gateway.ask("GET", "/key/info", "lum_new")

    assert (status, made) == (200, MADE)
    assert gateway.desk.asked[0][:3] == ("POST", "/key/generate", caller)
    assert json.loads(gateway.desk.asked[0][3]) == {"models": ["m"]}
    assert gateway.desk.asked[1][2] == "k-new"
    assert own == 200


@pytest.mark.parametrize("path", ["/key/generate", "/key/update", "/key/delete"])
async def test_key_that_is_no_admins_changes_nothing(gateway: Gateway, path: str) -> None:
    status, answer = await gateway.ask("POST", path, USER_KEY, json={})

    assert (status, answer["error"]["code"]) == (403, "insufficient_permissions")
    assert gateway.desk.asked == []


async def test_key_sees_itself_and_no_other(gateway: Gateway) -> None:
    gateway.desk.answer(INFO)

    own, _ = await gateway.ask("GET", "/key/info", USER_KEY)
    other, _ = await gateway.ask("GET", "/key/info?key=lum_x", USER_KEY)

    assert (own, other) == (200, 403)
    assert [asked[1] for asked in gateway.desk.asked] == ["/key/info"]


async def test_info_tells_what_was_spent_in_the_budgets_period(gateway: Gateway) -> None:
    gateway.desk.answer(INFO)
    _, per_day = await gateway.ask("GET", "/key/info?key=lum_x%26y")
    gateway.desk.answer(INFO | {"info": INFO["info"] | {"budget_duration": None}})  # type: ignore[operator]  # a dict
    _, per_month = await gateway.ask("GET", "/key/info")

    assert per_day["info"]["spend"] == 1.5
    assert per_month["info"]["spend"] == 7e-9
    assert gateway.desk.asked[0][1] == "/key/info?key=lum_x%26y"


async def test_spend_that_nobody_knows_is_null(tmp_path: Path) -> None:
    async with serving(tmp_path, nobody_knows) as gateway:
        gateway.desk.answer(INFO)

        assert (await gateway.ask("GET", "/key/info"))[1]["info"]["spend"] is None


async def test_controls_refusal_is_passed_on(gateway: Gateway) -> None:
    refusal = {"error": {"message": "no", "type": "bad_request_error", "param": None, "code": "400"}}
    gateway.desk.answer(refusal, 400)

    assert await gateway.ask("POST", "/key/delete", json={"keys": ["x"]}) == (400, refusal)


@pytest.mark.parametrize("body", [b"", b"oops", b'{"a":'])
async def test_answer_that_is_none_is_control_away(gateway: Gateway, body: bytes) -> None:
    gateway.desk.body = body

    status, answer = await gateway.ask("POST", "/key/update", json={})

    assert (status, answer["error"]["code"]) == (503, "control_unavailable")


async def test_control_that_is_down_is_told(gateway: Gateway, tmp_path: Path) -> None:
    (tmp_path / "control.sock").unlink()

    status, answer = await gateway.ask("GET", "/key/info", USER_KEY)

    assert (status, answer["error"]["code"]) == (503, "control_unavailable")
    assert "go on being served" in answer["error"]["message"]


async def test_body_beyond_the_bound_is_refused(gateway: Gateway) -> None:
    status, _ = await gateway.ask("POST", "/key/generate", json={"x": "y" * 70_000})

    assert status == 413
    assert gateway.desk.asked == []
