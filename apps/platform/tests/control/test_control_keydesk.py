"""LiteLLM's key routes on the internal socket: who is believed to ask, and the shape of what comes back."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from apps.platform.tests.control.conftest import bearer
from apps.platform.tests.control.test_control_snapshot import CONFIG, write
from lumina_platform.control.building import build
from lumina_platform.control.contentdesk import ContentDesk
from lumina_platform.control.environment import Environment
from lumina_platform.control.keydesk import KeyDesk
from lumina_platform.control.running import running
from lumina_platform.control.world import World
from lumina_platform.internal import InternalApp

Headers = dict[str, str]


@pytest.fixture
async def world(environment: Environment) -> AsyncIterator[World]:
    """A control plane whose configuration has a master key."""
    write(environment.home.gateway_config, CONFIG)
    world = build(environment)
    async with running(world):
        yield world


@pytest.fixture
async def internal(world: World) -> AsyncIterator[httpx.AsyncClient]:
    app = InternalApp(world.hub, KeyDesk(world.governance, world.inference), ContentDesk(world.contents))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://c") as client:
        yield client


def by(caller: str) -> Headers:
    return {"x-lumina-caller": caller}


async def generate(internal: httpx.AsyncClient, **asked: Any) -> dict[str, Any]:
    answer = await internal.post("/key/generate", headers=by("master-key"), json=asked)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_master_key_makes_shows_changes_and_deletes_keys_under_its_own_name(
    internal: httpx.AsyncClient, client: httpx.AsyncClient, admin: Headers
) -> None:
    made = await generate(internal, models=["gpt"], max_budget=5, budget_duration="30d")
    works = await client.get("/api/governance/me", headers=bearer(made["key"]))
    change = {"key": made["key"], "rpm_limit": 7}
    changed = (await internal.post("/key/update", headers=by("master-key"), json=change)).json()
    shown = (await internal.get("/key/info", headers=by("master-key"), params={"key": made["token_id"]})).json()
    gone = await internal.post("/key/delete", headers=by("master-key"), json={"keys": [made["key"]]})

    assert works.status_code == 200
    assert (changed["key"], changed["rpm_limit"], changed["max_budget"]) == (made["key"], 7, 5.0)
    assert (shown["key"], shown["info"]["rpm_limit"], shown["info"]["spend"]) == (made["token_id"], 7, None)
    assert gone.json() == {"deleted_keys": [made["key"]]}
    entries = (await client.get("/api/governance/ledger", headers=admin, params={"actor": "master-key"})).json()
    assert [entry["action"] for entry in entries["items"]] == ["key.revoked", "key.changed", "key.created"]
    assert made["key"] not in str(entries)


async def test_key_in_force_is_believed_by_its_id_until_it_is_revoked(
    internal: httpx.AsyncClient, client: httpx.AsyncClient, admin: Headers
) -> None:
    asked = {"name": "k", "role": "admin"}
    key = (await client.post("/api/governance/keys", headers=admin, json=asked)).json()

    own = (await internal.get("/key/info", headers=by(key["id"]))).json()
    before = await internal.post("/key/generate", headers=by(key["id"]))
    await client.delete(f"/api/governance/keys/{key['id']}", headers=admin)
    after = await internal.post("/key/generate", headers=by(key["id"]))

    assert own["key"] == own["info"]["token_id"]
    assert before.status_code == 200
    assert (after.status_code, after.json()["error"]["type"]) == (401, "auth_error")


async def test_master_key_that_left_the_configuration_is_refused(world: World, internal: httpx.AsyncClient) -> None:
    write(world.home.gateway_config, CONFIG.replace("general_settings", "x-general_settings"))
    world.inference.watch.load()

    assert (await internal.post("/key/generate", headers=by("master-key"), json={})).status_code == 401


@pytest.mark.parametrize(
    ("path", "body", "status", "kind"),
    [
        ("/key/generate", b"{", 400, "bad_request_error"),
        ("/key/generate", b"[]", 400, "bad_request_error"),
        ("/key/generate", b'{"team_id":"x"}', 400, "bad_request_error"),
        ("/key/generate", b'{"max_budget":5,"budget_duration":"7d"}', 400, "bad_request_error"),
        ("/key/update", b"{}", 400, "bad_request_error"),
        ("/key/delete", b'{"keys":["lum_unknown"]}', 404, "not_found_error"),
    ],
)
async def test_refusals_have_litellms_shape(
    internal: httpx.AsyncClient, path: str, body: bytes, status: int, kind: str
) -> None:
    answer = await internal.post(path, headers=by("master-key"), content=body)

    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["type"]) == (status, str(status), kind)
    assert error["message"]


@pytest.mark.parametrize("caller", ["", "nobody", "00000000-0000-0000-0000-000000000000"])
async def test_unknown_caller_is_refused(internal: httpx.AsyncClient, caller: str) -> None:
    assert (await internal.post("/key/generate", headers=by(caller), json={})).status_code == 401


async def test_request_without_caller_or_beyond_the_bound_is_no_request(internal: httpx.AsyncClient) -> None:
    assert (await internal.post("/key/generate", json={})).status_code == 400
    assert (await internal.post("/key/generate", headers=by("master-key"), content=b"x" * 70_000)).status_code == 400
