import hashlib
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI

from lumina_inference.api import router
from lumina_inference.config.compiling import without_file
from lumina_inference.service import Inference
from lumina_inference.settings import InferenceSettings
from lumina_kit import problems
from lumina_kit.auth import Principal
from lumina_kit.errors import Unauthenticated
from lumina_kit.roles import Role, Scope

CONFIG = """\
model_list:
  - {model_name: org/alpha, litellm_params: {model: openai/x, api_key: sk-top-secret-1, api_base: "http://a/v1"}}
  - {model_name: org/alpha, litellm_params: {model: ollama/y, rpd: 1}}
router_settings: {model_group_alias: {short: org/alpha, hush: {model: org/alpha, hidden: true}}}
"""
PROJECT = UUID(int=1)


class Keys:
    """Keys named after the role or scope that they have."""

    async def by_key(self, key: str, project: str | None) -> Principal:
        if key in set(Role):
            return Principal("key", UUID(int=2), key, Role(key), frozenset(), PROJECT)
        if key in set(Scope):
            return Principal("key", UUID(int=2), key, None, frozenset({Scope(key)}), PROJECT)
        raise Unauthenticated("No such key.")

    async def by_session(self, token: str, project: str | None) -> Principal:
        raise Unauthenticated("No such session.")


Client = Callable[..., httpx.AsyncClient]


@pytest.fixture
def client(tmp_path: Path) -> Client:
    def opened(config: str | bytes | None = CONFIG, key: str | None = "admin") -> httpx.AsyncClient:
        file = tmp_path / "gateway.yaml"
        if config is not None:
            file.write_bytes(config if isinstance(config, bytes) else config.encode())
        app = FastAPI()
        problems.install(app)
        app.state.authenticator = Keys()
        app.state.inference = Inference.of(InferenceSettings(), file, {}, required=False, kept=without_file)
        app.include_router(router, prefix="/api/inference")
        headers = {"authorization": f"Bearer {key}"} if key else {}
        transport = httpx.ASGITransport(app=app)
        return httpx.AsyncClient(transport=transport, base_url="http://test/api/inference", headers=headers)

    return opened


async def test_models_are_listed_by_name_with_backends_and_without_secrets(client: Client) -> None:
    answer = await client().get("/models")

    assert [row["id"] for row in answer.json()["items"]] == ["lumina/extractive", "lumina/minilm", "org/alpha"]
    alpha = answer.json()["items"][2]
    assert alpha["aliases"] == ["short"]
    assert [backend["url"] for backend in alpha["backends"]] == ["http://a/v1", "http://localhost:11434/v1"]
    assert [backend["translated"] for backend in alpha["backends"]] == [False, False]
    assert "top-secret" not in answer.text
    assert answer.json()["items"][0]["card"].startswith("# lumina/extractive")


async def test_price_of_a_translated_backend_is_shown_and_its_key_is_not(client: Client) -> None:
    listed = "model_list: [{model_name: c, litellm_params: {model: anthropic/claude-sonnet-4-5, api_key: sk-ant-1}}]"

    answer = await client(listed).get("/models/c")

    backend = answer.json()["backends"][0]
    assert (backend["translated"], backend["provider"]) == (True, "anthropic")
    assert (backend["input_nano_usd_per_token"], backend["output_nano_usd_per_token"]) == (3000, 15_000)
    assert "sk-ant-1" not in answer.text


async def test_pages_lead_through_all_models(client: Client) -> None:
    found: list[str] = []
    cursor: str | None = None
    for _ in range(3):
        page = (await client().get("/models", params={"limit": 1, **({"cursor": cursor} if cursor else {})})).json()
        found += [row["id"] for row in page["items"]]
        cursor = page["next_cursor"]

    assert found == ["lumina/extractive", "lumina/minilm", "org/alpha"]
    assert cursor is None


@pytest.mark.parametrize("name", ["org/alpha", "short", "hush"])
async def test_model_is_found_by_its_name_and_its_aliases(client: Client, name: str) -> None:
    answer = await client().get(f"/models/{name}")

    assert (answer.status_code, answer.json()["id"]) == (200, "org/alpha")


async def test_unknown_model_is_a_404_that_says_where_to_look(client: Client) -> None:
    answer = await client().get("/models/none")

    assert (answer.status_code, answer.json()["code"]) == (404, "model_not_found")
    assert "/api/inference/models" in answer.json()["next_step"]


async def test_config_is_shown_masked_with_its_report(client: Client) -> None:
    answer = (await client().get("/config")).json()

    assert answer["current"] is True
    assert answer["sha256"] == answer["running_sha256"] == hashlib.sha256(CONFIG.encode()).hexdigest()
    assert "top-secret" not in answer["text"]
    assert "api_key: ********" in answer["text"]
    assert [(each["level"], each["line"]) for each in answer["findings"]] == [("not yet", 3)]


@pytest.mark.parametrize("config", ["model_list: [\n  sk-top-secret", b"\xff sk-top-secret", "a: 1\na: sk-top-secret"])
async def test_config_that_is_no_yaml_is_not_shown_but_reported(client: Client, config: str | bytes) -> None:
    answer = await client(config).get("/config")

    assert answer.json()["text"] is None
    assert (answer.json()["current"], answer.json()["running_sha256"]) == (False, None)
    assert answer.json()["findings"][0]["level"] == "error"
    assert "top-secret" not in answer.text


async def test_without_a_file_there_is_no_text_and_nothing_wrong(client: Client) -> None:
    answer = (await client(None).get("/config")).json()

    assert (answer["text"], answer["sha256"], answer["current"], answer["findings"]) == (None, None, True, [])


@pytest.mark.parametrize(
    ("key", "path", "status"),
    [
        (None, "/models", 401),
        ("nobody", "/models", 401),
        ("auditor", "/models", 403),
        ("metrics", "/models", 403),
        ("inference", "/models", 200),
        ("inference", "/config", 403),
        ("auditor", "/config", 403),
        ("operator", "/config", 200),
    ],
)
async def test_only_who_may_read_does(client: Client, key: str | None, path: str, status: int) -> None:
    assert (await client(key=key).get(path)).status_code == status
