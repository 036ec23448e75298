"""The whole control plane on Postgres, which a setting chooses."""

import httpx
import pytest

from apps.platform.tests.control.conftest import URL, bearer
from lumina_platform.control.app import create_app
from lumina_platform.control.building import build
from lumina_platform.control.environment import Environment
from lumina_platform.control.running import running
from tools.testing.databases import new_postgres


async def test_control_plane_works_on_postgres_and_finds_its_state_again(
    environment: Environment, postgres_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LUMINA_PLATFORM_DATABASE_URL", new_postgres(postgres_server))
    secrets = []

    for _ in range(2):
        world = build(environment)
        async with running(world):
            admin = bearer(secret_of(environment))
            transport = httpx.ASGITransport(create_app(world))
            async with httpx.AsyncClient(transport=transport, base_url=URL) as client:
                keys = (await client.get("/api/governance/keys", headers=admin)).json()["items"]
                answer = await client.post("/api/governance/keys", headers=admin, json={"name": "k"})
                verdict = (await client.get("/api/governance/ledger/verify", headers=admin)).json()
        secrets.append((secret_of(environment), len(keys)))
        assert answer.status_code == 201
        assert verdict["intact"]

    assert secrets[0][0] == secrets[1][0]
    assert (secrets[0][1], secrets[1][1]) == (1, 2)
    assert not (environment.home.path / "lumina.sqlite").exists()


def secret_of(environment: Environment) -> str:
    return environment.home.admin_key_file.read_text().strip()
