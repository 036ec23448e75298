"""A control plane that starts while its gateway's configuration is broken."""

from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import json

from lumina_contracts.snapshot import MASTER_KEY_ID, KeyEntry, KeysPart, RoutesPart, Snapshot, sealed
from lumina_inference.config.compiling import compile_text, without_file
from lumina_inference.gateway.vault import Vault
from lumina_inference.service import BrokenConfig
from lumina_kit.home import Home
from lumina_kit.masterkey import MasterKey
from lumina_platform.control.building import build
from lumina_platform.control.environment import Environment
from lumina_platform.control.running import running

GOOD = "model_list: [{model_name: a, litellm_params: {model: ollama/a}}]\n"
BAD = "model_list:\n  - model_name: [\n"


@pytest.fixture
def broken(environment: Environment, tmp_path: Path) -> Environment:
    file = tmp_path / "broken.yaml"
    file.write_text(BAD)
    return replace(environment, gateway_config=file)


async def keep(home: Home, snapshot: Snapshot) -> None:
    home.path.mkdir(parents=True, exist_ok=True)
    await Vault(home, MasterKey.load(home)).write(json.encode(snapshot))


def test_with_nothing_kept_it_refuses_to_start_and_names_file_line_and_next_step(broken: Environment) -> None:
    with pytest.raises(BrokenConfig) as refused:
        build(broken)

    assert f"{broken.gateway_config} cannot be used: line 3: error: not YAML" in refused.value.message
    assert f"lumina config check {broken.gateway_config}" in (refused.value.next_step or "")


@pytest.mark.parametrize("routes", [without_file().routes, RoutesPart()])
async def test_what_came_from_no_file_is_not_worth_keeping(broken: Environment, routes: RoutesPart) -> None:
    await keep(broken.home, sealed(routes, KeysPart()))

    with pytest.raises(BrokenConfig):
        build(broken)


async def test_snapshot_of_another_version_is_as_none(broken: Environment) -> None:
    broken.home.path.mkdir(parents=True)
    await Vault(broken.home, MasterKey.load(broken.home)).write(b'{"version": 1}')

    with pytest.raises(BrokenConfig):
        build(broken)


async def test_routes_and_master_key_that_the_gateway_kept_go_on(
    broken: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    master = KeyEntry(id=MASTER_KEY_ID, sha256="ab" * 32, project_id="p", scopes=("inference",))
    routes = compile_text(GOOD.encode(), {}).routes
    await keep(broken.home, sealed(routes, KeysPart(keys=(master,))))

    world = build(broken)
    async with running(world):
        assert world.inference.routes_part() == routes
        found = world.inference.master_key("p")

    assert found is not None
    assert found.sha256 == master.sha256
    assert not world.inference.config.current
    assert "what was last served goes on" in "".join(capsys.readouterr())


@pytest.mark.parametrize("content", ["", "# later\n", None])
def test_file_that_is_empty_or_absent_starts_with_the_embedded_models(broken: Environment, content: str | None) -> None:
    assert broken.gateway_config
    broken.gateway_config.write_text(content or "")
    if content is None:
        broken.gateway_config.unlink()

    assert build(broken).inference.routes_part().routes == without_file().routes.routes
