"""All of Lumina, as `lumina up` starts it: the journeys of a client, of an operator, and of an accident."""

import asyncio
import base64
import concurrent.futures
import json
import os
import signal
import subprocess
import time
from array import array
from collections.abc import Callable
from pathlib import Path

import httpx
import openai
import pytest

from lumina_kit.home import Home
from lumina_kit.parts import PartsClient, PartStatus
from lumina_platform.cli.target import Target
from lumina_platform.supervisor.endpoints import Endpoints

CONTEXT = "Lumina keeps its state in one folder. The gateway listens on port 4000. The portal listens on port 4080."


@pytest.fixture
def client(running: Target) -> openai.OpenAI:
    assert running.gateway
    return openai.OpenAI(
        base_url=f"{running.gateway}/v1",
        api_key=running.key,
        max_retries=0,
        timeout=60,
        http_client=openai.DefaultHttpxClient(trust_env=False),
        _strict_response_validation=True,
    )


@pytest.fixture
def parts(lumina_home: Home) -> Callable[[], dict[str, PartStatus]]:
    """The parts as the supervisor sees them now."""
    endpoints = Endpoints.read(lumina_home)
    assert endpoints

    def ask() -> dict[str, PartStatus]:
        return {part.name: part for part in asyncio.run(PartsClient(Path(endpoints.run_dir)).status())}

    return ask


def holds_within(seconds: float, condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return condition()


def state_of(address: str | None) -> str:
    with httpx.Client(trust_env=False) as http:
        return str(http.get(f"{address}/readyz").json()["status"])


def test_both_planes_are_ready_without_a_credential(running: Target) -> None:
    for address in (running.control, running.gateway):
        with httpx.Client(trust_env=False) as http:
            answer = http.get(f"{address}/readyz")

        assert answer.status_code == 200
        assert answer.json()["status"] == "ready"


def test_an_openai_client_gets_a_streamed_answer_from_its_context(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(
        model="lumina/extractive",
        messages=[
            {"role": "system", "content": CONTEXT},
            {"role": "user", "content": "On which port does the gateway listen?"},
        ],
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)

    answer = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert "The gateway listens on port 4000." in answer
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens > 0


def test_an_openai_client_gets_embeddings_that_order_by_meaning(client: openai.OpenAI) -> None:
    texts = ["A cat sleeps on the sofa.", "A kitten naps on the couch.", "Interest rates rose in March."]

    answer = client.embeddings.create(model="lumina/minilm", input=texts)
    vectors = [item.embedding for item in answer.data]

    def closeness(a: list[float], b: list[float]) -> float:
        return sum(x * y for x, y in zip(a, b, strict=True))

    assert [len(vector) for vector in vectors] == [384] * 3
    assert closeness(vectors[0], vectors[1]) > closeness(vectors[0], vectors[2]) + 0.3


def test_an_openai_client_for_node_gets_the_base64_that_it_asks_for(client: openai.OpenAI) -> None:
    headers = {"Authorization": f"Bearer {client.api_key}", "x-stainless-lang": "js"}
    asked = {"model": "lumina/minilm", "input": "A cat.", "encoding_format": "base64"}

    coded = httpx.post(f"{client.base_url}embeddings", headers=headers, json=asked, timeout=60).json()
    floats = client.embeddings.create(model="lumina/minilm", input="A cat.").data[0].embedding

    decoded = array("f", base64.b64decode(coded["data"][0]["embedding"]))
    assert list(decoded) == pytest.approx(floats, abs=1e-6)


def test_an_openai_client_lists_the_embedded_models(client: openai.OpenAI) -> None:
    assert {"lumina/minilm", "lumina/extractive"} <= {model.id for model in client.models.list()}


def test_callers_wait_while_a_killed_gateway_comes_back(
    running: Target, client: openai.OpenAI, parts: Callable[[], dict[str, PartStatus]]
) -> None:
    before = parts()["gateway"]
    os.kill(before.pid or 0, signal.SIGKILL)

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        listings = list(pool.map(lambda _: list(client.models.list()), range(8)))

    after = parts()["gateway"]
    assert holds_within(10, lambda: state_of(running.gateway) == "ready")
    assert all(listings)
    assert after.pid != before.pid
    assert after.restarts == before.restarts + 1


def test_the_gateway_answers_while_control_restarts(
    client: openai.OpenAI, parts: Callable[[], dict[str, PartStatus]]
) -> None:
    os.kill(parts()["control"].pid or 0, signal.SIGKILL)

    assert list(client.models.list())
    assert holds_within(30, lambda: parts()["control"].state == "ready")


@pytest.fixture
def lumina(lumina_home: Home, repository: Path) -> Callable[..., str]:
    """Runs the command `lumina` in a process of its own; gives what it printed."""

    def call(*arguments: str) -> str:
        command = [str(repository / ".venv" / "bin" / "lumina"), *arguments, "--home", str(lumina_home.path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return call


def test_a_key_works_at_the_gateway_within_a_second_and_no_more_once_revoked(
    lumina: Callable[..., str], client: openai.OpenAI
) -> None:
    made = json.loads(lumina("keys", "create", "journey", "--json"))
    theirs = client.with_options(api_key=made["secret"])

    def answered() -> bool:
        try:
            return bool(list(theirs.models.list()))
        except openai.AuthenticationError:
            return False

    assert holds_within(5, answered)
    lumina("keys", "revoke", "journey")
    assert holds_within(5, lambda: not answered())
    assert [key["name"] for key in json.loads(lumina("keys", "ls", "--json"))].count("journey") == 1


def test_a_key_that_a_litellm_script_makes_serves_its_models_alone_until_it_is_deleted(
    running: Target, client: openai.OpenAI
) -> None:
    admin = {"Authorization": f"Bearer {running.key}"}
    with httpx.Client(base_url=str(running.gateway), trust_env=False, timeout=60) as http:
        asked = {"models": ["lumina/minilm"], "max_budget": 5, "budget_duration": "30d", "key_alias": "litellm-script"}
        made = http.post("/key/generate", headers=admin, json=asked).json()
        theirs = client.with_options(api_key=made["key"])

        listed = [model.id for model in theirs.models.list()]
        embedded = theirs.embeddings.create(model="lumina/minilm", input="hello")
        with pytest.raises(openai.PermissionDeniedError, match="lumina/extractive"):
            theirs.chat.completions.create(model="lumina/extractive", messages=[{"role": "user", "content": "hi"}])
        info = http.get("/key/info", headers=admin, params={"key": made["token_id"]}).json()["info"]
        deleted = http.post("/key/delete", headers=admin, json={"keys": [made["key"]]}).json()

    assert listed == ["lumina/minilm"]
    assert len(embedded.data) == 1
    assert (info["spend"], info["max_budget"], info["key_alias"]) == (0.0, 5.0, "litellm-script")
    assert deleted == {"deleted_keys": [made["key"]]}
    with pytest.raises(openai.AuthenticationError):
        holds_within(5, lambda: list(theirs.models.list()) == [])


def test_a_new_person_signs_in_once_with_the_link_that_was_made_for_them(lumina: Callable[..., str]) -> None:
    lumina("people", "add", "ana@example.org", "--role", "scientist")
    link = json.loads(lumina("people", "link", "ana@example.org", "--json"))["url"]

    with httpx.Client(trust_env=False, follow_redirects=True) as browser:
        page = browser.get(link)
    with httpx.Client(trust_env=False, follow_redirects=True) as other:
        again = other.get(link)

    assert page.status_code == 200
    assert page.url.path == "/docs"
    assert again.url.path != "/docs"


def test_chat_with_trace_tells_where_the_answer_came_from(lumina: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text(CONTEXT)

    told = lumina("chat", "On which port does the portal listen?", "--context", str(tmp_path / "notes.txt"), "--trace")

    assert "The portal listens on port 4080." in told
    assert "lumina/extractive" in told


def test_what_was_done_is_in_the_audit_log_and_the_chain_is_intact(lumina: Callable[..., str]) -> None:
    lumina("projects", "create", "journey-project")

    entries = json.loads(lumina("ledger", "ls", "--json"))

    assert "journey-project" in json.dumps(entries)
    assert lumina("ledger", "verify").startswith("Intact")


def test_status_and_models_show_what_runs(lumina: Callable[..., str]) -> None:
    overview = json.loads(lumina("status", "--json"))

    assert [part["name"] for part in overview["parts"]] == [
        "supervisor",
        "control",
        "telemetry",
        "gateway",
        "embedded",
        "translator",
    ]
    assert overview["readiness"]["gateway"] == "ready"
    assert "lumina/minilm" in lumina("models", "ls")
    assert "control" in lumina("status")
