# size: every command against one contract server
"""The command line against a small server that speaks the API's wire format: what it asks, prints, and how it ends."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from apps.platform.tests.conftest import Contract, Lumina

KEY = {
    "id": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
    "name": "notebook",
    "role": None,
    "scopes": ["inference", "metrics"],
    "last_four": "wxyz",
    "created_at": "2026-11-20T12:00:00Z",
    "expires_at": None,
    "revoked_at": None,
}
PERSON = {
    "id": "1b4e28ba-2fa1-41d2-883f-0016d3cca427",
    "login": "ana@example.org",
    "display_name": "Ana [red]",
    "role": "scientist",
    "has_password": False,
    "created_at": "2026-11-20T12:00:00Z",
    "disabled_at": None,
}
PROBLEM = {"status": 403, "code": "forbidden", "detail": "Only an admin may.", "next_step": "Ask an admin."}


@pytest.fixture
def nine_hours_east() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("TZ", "JST-9")
        time.tzset()
        yield
    time.tzset()


def test_a_listing_calls_with_the_key_and_prints_a_row_each(lumina: Lumina, contract: Contract) -> None:
    contract.answer("GET", "/api/governance/keys", [KEY])

    done = lumina("keys", "ls")

    assert done.status == 0
    assert "notebook" in done.out
    assert "inference, metrics" in done.out
    assert "never" in done.out
    assert contract.asked[0].headers["authorization"] == "Bearer lum_secret"


@pytest.mark.parametrize(
    ("path", "rows", "command"),
    [
        ("/api/governance/keys", [KEY], ["keys", "ls"]),
        ("/api/governance/people", [PERSON], ["people", "ls"]),
        ("/api/governance/projects", [{"id": "x", "slug": "default"}], ["projects", "ls"]),
        ("/api/inference/models", [{"id": "lumina/minilm"}], ["models", "ls"]),
    ],
)
def test_every_listing_prints_all_of_it_as_json(
    lumina: Lumina, contract: Contract, path: str, rows: list[Any], command: list[str]
) -> None:
    contract.answer("GET", path, rows)

    done = lumina(*command, "--json")

    assert json.loads(done.out) == rows


def test_an_empty_listing_says_so(lumina: Lumina, contract: Contract) -> None:
    contract.answer("GET", "/api/governance/projects", [])

    assert "an admin adds you" in lumina("projects", "ls").out
    assert lumina("projects", "ls", "--json").out == "[]\n"


@pytest.mark.usefixtures("nine_hours_east")
def test_a_row_fits_a_terminal_and_json_keeps_ids_and_times_exact(lumina: Lumina, contract: Contract) -> None:
    revoked = KEY | {"created_at": "2026-11-20T23:30:15.123456Z", "revoked_at": "2026-11-21T01:00:00Z"}
    contract.answer("GET", "/api/governance/keys", [revoked])

    row = lumina("keys", "ls").out.splitlines()[-1].rstrip()

    assert row == "7c9e6679  notebook  inference, metrics  wxyz       2026-11-21 08:30  revoked 2026-11-21 10:00  -"
    assert json.loads(lumina("keys", "ls", "--json").out) == [revoked]


def test_text_of_others_is_printed_as_it_is_and_never_as_markup(lumina: Lumina, contract: Contract) -> None:
    contract.answer("GET", "/api/governance/people", [PERSON])

    assert "Ana [red]" in lumina("people", "ls").out


def test_a_new_key_is_asked_for_with_its_scopes_and_project_and_shown(lumina: Lumina, contract: Contract) -> None:
    contract.answer("POST", "/api/governance/keys", KEY | {"secret": "lum_new"}, 201)

    done = lumina("keys", "create", "notebook", "--scope", "inference", "--scope", "metrics", "--project", "research")

    assert "lum_new" in done.out
    asked = contract.asked[0]
    assert asked.headers["x-lumina-project"] == "research"
    assert asked.body == {"name": "notebook", "role": None, "scopes": ["inference", "metrics"], "expires_at": None}


def test_a_key_with_role_and_scopes_is_wrong_usage(lumina: Lumina, contract: Contract) -> None:
    done = lumina("keys", "create", "x", "--scope", "otlp", "--role", "admin")

    assert done.status == 2
    assert "not both" in done.err
    assert contract.asked == []


@pytest.mark.parametrize("name", ["notebook", KEY["id"], "7c9e66"])
def test_a_key_is_revoked_by_name_id_or_the_beginning_of_it(lumina: Lumina, contract: Contract, name: str) -> None:
    contract.answer("GET", "/api/governance/keys", [KEY, KEY | {"id": "other", "name": "other"}])
    contract.answer("DELETE", f"/api/governance/keys/{KEY['id']}", KEY | {"revoked_at": "2026-11-20T13:00:00Z"})

    done = lumina("keys", "revoke", name)

    assert done.status == 0
    assert contract.asked[-1].method == "DELETE"


def test_a_name_that_two_keys_have_is_not_guessed(lumina: Lumina, contract: Contract) -> None:
    contract.answer("GET", "/api/governance/keys", [KEY, KEY | {"id": "other"}])

    done = lumina("keys", "revoke", "notebook")

    assert done.status == 1
    assert "'notebook' names 2" in done.err
    assert [asked.method for asked in contract.asked] == ["GET"]


def test_of_two_keys_of_one_name_the_one_in_use_is_revoked(lumina: Lumina, contract: Contract) -> None:
    old = KEY | {"id": "other", "revoked_at": "2026-11-20T13:00:00Z"}
    contract.answer("GET", "/api/governance/keys", [old, KEY])
    contract.answer("DELETE", f"/api/governance/keys/{KEY['id']}", KEY | {"revoked_at": "2026-11-20T14:00:00Z"})

    assert lumina("keys", "revoke", "notebook").status == 0


def test_a_name_that_nothing_has_is_an_error(lumina: Lumina, contract: Contract) -> None:
    contract.answer("GET", "/api/governance/people", [PERSON])

    done = lumina("people", "disable", "bob")

    assert (done.status, done.out) == (1, "")
    assert "There is no 'bob'" in done.err
    assert "lumina people ls" in done.err


@pytest.mark.parametrize(
    ("command", "change"),
    [
        (["disable"], {"disabled": True}),
        (["enable"], {"disabled": False}),
        (["role"], {"role": "responder"}),
    ],
)
def test_a_person_is_changed_by_login(
    lumina: Lumina, contract: Contract, command: list[str], change: dict[str, object]
) -> None:
    contract.answer("GET", "/api/governance/people", [PERSON])
    contract.answer("PATCH", f"/api/governance/people/{PERSON['id']}", PERSON)

    done = lumina("people", *command, "ana@example.org", *(["responder"] if command == ["role"] else []))

    assert done.status == 0
    assert contract.asked[-1].body == change


def test_a_person_is_added_without_a_password_unless_one_is_asked_for(lumina: Lumina, contract: Contract) -> None:
    contract.answer("POST", "/api/governance/people", PERSON, 201)

    lumina("people", "add", "ana@example.org", "--role", "scientist")

    assert contract.asked[0].body["password"] is None
    assert contract.asked[0].body["role"] == "scientist"


@pytest.mark.parametrize(("arguments", "person_id"), [([], None), (["ana@example.org"], PERSON["id"])])
def test_a_link_is_for_the_named_person_else_for_the_built_in_admin(
    lumina: Lumina, contract: Contract, arguments: list[str], person_id: str | None
) -> None:
    contract.answer("GET", "/api/governance/people", [PERSON])
    contract.answer("POST", "/api/governance/links", {"url": "http://x/sign-in/t", "login": "a", "expires_at": "soon"})

    done = lumina("people", "link", *arguments)

    assert "http://x/sign-in/t" in done.out
    assert contract.asked[-1].body == {"person_id": person_id}


def test_a_project_is_made(lumina: Lumina, contract: Contract) -> None:
    contract.answer("POST", "/api/governance/projects", {"id": "x", "slug": "research", "name": "Research"}, 201)

    assert lumina("projects", "create", "research", "--name", "Research").status == 0
    assert contract.asked[0].body == {"slug": "research", "name": "Research"}


def test_the_audit_log_is_searched_and_its_page_listed(lumina: Lumina, contract: Contract) -> None:
    entry = {"number": 3, "action": "key.created", "subject": {"name": "notebook"}, "actor": {"name": "ana"}}
    contract.answer("GET", "/api/governance/ledger", {"items": [entry], "next_cursor": None})

    done = lumina("ledger", "ls", "--action", "key.*", "--limit", "5")

    assert contract.asked[0].query == {"action": "key.*", "limit": "5"}
    assert "key.created" in done.out
    assert "notebook" in done.out


def test_a_listing_of_many_pages_is_listed_whole(lumina: Lumina, contract: Contract) -> None:
    contract.answer("GET", "/api/inference/models", {"items": [{"id": "a"}], "next_cursor": "c1"})
    contract.answer("GET", "/api/inference/models?cursor=c1", {"items": [{"id": "b"}], "next_cursor": None})

    assert json.loads(lumina("models", "ls", "--json").out) == [{"id": "a"}, {"id": "b"}]


def test_a_model_is_listed_with_its_backends(lumina: Lumina, contract: Contract) -> None:
    backends = [{"provider": "openai", "model": "small"}, {"provider": "vllm", "model": "large"}]
    model = {"id": "chat", "aliases": ["default"], "kinds": ["chat"], "owned_by": "me", "backends": backends}
    contract.answer("GET", "/api/inference/models", {"items": [model], "next_cursor": None})

    out = lumina("models", "ls").out

    assert "openai, vllm" in out
    assert "default" in out


def test_a_model_is_listed_with_its_price_and_where_that_is_from(lumina: Lumina, contract: Contract) -> None:
    priced = {"price_source": "config", "input_nano_usd_per_token": 2500, "output_nano_usd_per_token": 10000}
    by_model = {"price_source": "table of 2026-11-20", "input_nano_usd_per_token": None}
    model = {"id": "chat", "backends": [priced, by_model, {"price_source": None}]}
    contract.answer("GET", "/api/inference/models", {"items": [model], "next_cursor": None})

    out = lumina("models", "ls").out

    assert "2.5 / 10 (config), by model (table of 2026-11-20), not known" in out


def test_an_intact_ledger_is_exit_0(lumina: Lumina, contract: Contract) -> None:
    contract.answer("GET", "/api/governance/ledger/verify", {"intact": True, "checked": 12, "head_hash": "ab"})

    done = lumina("ledger", "verify")

    assert (done.status, done.err) == (0, "")
    assert "all 12 entries" in done.out


def test_a_broken_ledger_is_exit_1_with_the_entrys_number(lumina: Lumina, contract: Contract) -> None:
    verdict = {"intact": False, "checked": 7, "head_hash": "ab", "broken_at": 8, "reason": "its hash differs"}
    contract.answer("GET", "/api/governance/ledger/verify", verdict)

    done = lumina("ledger", "verify")

    assert done.status == 1
    assert "Entry 8 is not what was written: its hash differs" in done.err


def test_a_refusal_is_told_with_its_next_step(lumina: Lumina, contract: Contract) -> None:
    contract.answer("GET", "/api/governance/people", PROBLEM, 403)

    done = lumina("people", "ls")

    assert (done.status, done.out) == (1, "")
    assert done.err == "Error: Only an admin may.\n  Ask an admin.\n"


def test_an_answer_that_is_no_problem_is_told_by_its_status(lumina: Lumina, contract: Contract) -> None:
    contract.answer("GET", "/api/governance/people", b"<html>bad gateway</html>", 502)

    assert "answered 502" in lumina("people", "ls").err


def test_a_lumina_that_does_not_answer_says_how_to_start_it(lumina: Lumina, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUMINA_URL", "http://127.0.0.1:9")

    done = lumina("status")

    assert done.status == 1
    assert "http://127.0.0.1:9 does not answer" in done.err
    assert "lumina up" in done.err


def test_a_home_without_a_lumina_says_how_to_start_it(lumina: Lumina, tmp_path: Path) -> None:
    done = lumina("models", "ls", "--home", str(tmp_path))

    assert done.status == 1
    assert f"No Lumina runs on {tmp_path}" in done.err


def test_a_url_without_a_key_names_the_variable(lumina: Lumina, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LUMINA_API_KEY")

    assert "LUMINA_API_KEY is not" in lumina("models", "ls").err


def test_a_home_lends_its_addresses_and_its_admin_key(lumina: Lumina, contract: Contract, tmp_path: Path) -> None:
    endpoints = {"pid": 1, "control": contract.url, "gateway": contract.url, "run_dir": "/run/x"}
    (tmp_path / "endpoints.json").write_text(json.dumps(endpoints))
    (tmp_path / "admin.key").write_text("lum_admin\n")
    contract.answer("GET", "/api/governance/projects", [])

    with pytest.MonkeyPatch.context() as environment:
        environment.delenv("LUMINA_API_KEY")
        done = lumina("projects", "ls", "--home", str(tmp_path))

    assert done.status == 0
    assert contract.asked[0].headers["authorization"] == "Bearer lum_admin"


def test_status_shows_each_part_with_its_memory_and_the_sum(lumina: Lumina, contract: Contract) -> None:
    part = {"name": "gateway", "state": "ready", "pid": 42, "restarts": 1, "since": "2026-11-20T12:00:00Z"}
    parts = [part | {"pss_bytes": 80_000_000}, part | {"name": "embedded", "state": "idle", "pss_bytes": None}]
    overview = {"versions": {"lumina": "0.1.0"}, "control_url": "http://c", "gateway_url": "http://g", "parts": parts}
    contract.answer("GET", "/api/platform/status", overview)
    contract.answer("GET", "/readyz", {"status": "degraded", "parts": {}})

    done = lumina("status")

    assert "control degraded, gateway degraded" in done.out
    assert "80 MB in all" in done.out
    assert "embedded" in done.out
    assert json.loads(lumina("status", "--json").out)["parts"] == parts


@pytest.mark.parametrize(
    "arguments",
    [
        ["dance"],
        ["keys", "create"],
        ["up", "--port", "70000"],
        ["keys", "ls", "--x"],
        ["keys", "create", "x", "--days", "9999999"],
    ],
)
def test_wrong_usage_is_exit_2_on_standard_error(lumina: Lumina, arguments: list[str]) -> None:
    done = lumina(*arguments)

    assert (done.status, done.out) == (2, "")
    assert done.err


@pytest.mark.parametrize(
    "command",
    [
        "up", "status", "chat", "models ls", "keys create", "keys ls", "keys limit", "keys revoke", "people add",
        "people ls", "people link", "people disable", "people enable", "people role", "projects ls",
        "projects create", "projects limit", "projects capture", "config check", "ledger ls", "ledger verify",
        "content ls", "content show", "content forget", "access ls", "access grants", "access revoke", "people grant",
        "keys grant",
    ],
)  # fmt: skip
def test_every_command_has_an_example_in_its_help(lumina: Lumina, command: str) -> None:
    done = lumina(*command.split(), "--help")

    assert done.status == 0
    assert "Example:" in done.out
    assert f"lumina {command}" in done.out


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        (["--host", "0.0.0.0"], "Give --tls-cert FILE and --tls-key FILE, or --insecure"),
        (["--host", "nowhere.invalid"], "not an address of this machine"),
    ],
)
def test_up_refuses_an_address_with_the_way_out(lumina: Lumina, tmp_path: Path, flags: list[str], reason: str) -> None:
    done = lumina("up", "--home", str(tmp_path), *flags)

    assert done.status == 1
    assert reason in done.err


def test_up_with_half_a_certificate_is_wrong_usage(lumina: Lumina, tmp_path: Path) -> None:
    (tmp_path / "cert.pem").touch()

    done = lumina("up", "--home", str(tmp_path), "--tls-cert", str(tmp_path / "cert.pem"))

    assert done.status == 2
    assert "come together" in done.err


def stream(*chunks: object, end: bytes = b"data: [DONE]\n\n") -> bytes:
    return b": keep-alive\n\n" + b"".join(b"data: %s\n\n" % json.dumps(chunk).encode() for chunk in chunks) + end


def piece(text: str) -> dict[str, object]:
    return {"choices": [{"delta": {"content": text}}]}


USAGE = {"choices": [], "usage": {"prompt_tokens": 12, "completion_tokens": 3}}
COMPLETIONS = "/v1/chat/completions"


def test_chat_prints_the_answer_and_asks_as_an_openai_client_would(
    lumina: Lumina, contract: Contract, tmp_path: Path
) -> None:
    contract.answer("POST", COMPLETIONS, stream(piece("Port "), piece("4000."), USAGE))
    (tmp_path / "notes.txt").write_text("The gateway uses port 4000.")

    done = lumina("chat", "Which port?", "--context", str(tmp_path / "notes.txt"))

    assert (done.status, done.out) == (0, "Port 4000.\n")
    asked = contract.asked[0].body
    assert asked["model"] == "lumina/extractive"
    assert [message["role"] for message in asked["messages"]] == ["system", "user"]
    assert asked["stream_options"] == {"include_usage": True}


def test_chat_with_trace_tells_what_happened_to_the_request(lumina: Lumina, contract: Contract) -> None:
    contract.answer("POST", COMPLETIONS, stream(piece("Yes."), USAGE))
    contract.headers = {"x-lumina-trace-id": "4bf92f35", "x-request-id": "req-1", "x-lumina-backend": "b1"}

    done = lumina("chat", "Is it so?", "--trace")

    assert done.out.startswith("Yes.\n")
    for told in ("4bf92f35", "req-1", "b1", "First token", "12"):
        assert told in done.out


def test_chat_with_an_unknown_model_tells_the_gateways_error(lumina: Lumina, contract: Contract) -> None:
    error = {"error": {"message": "There is no model 'x'.", "type": "invalid_request_error", "code": "model_not_found"}}
    contract.answer("POST", COMPLETIONS, error, 404)

    done = lumina("chat", "Hello", "--model", "x")

    assert done.status == 1
    assert "There is no model 'x'." in done.err


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (stream(piece("Half"), {"error": {"message": "The backend went away."}}, end=b""), "The backend went away."),
        (stream(piece("Half"), end=b""), "ended before it was complete"),
    ],
)
def test_an_answer_that_breaks_off_is_a_failure(lumina: Lumina, contract: Contract, body: bytes, reason: str) -> None:
    contract.answer("POST", COMPLETIONS, body)

    done = lumina("chat", "Hello")

    assert done.status == 1
    assert "Half" in done.out
    assert reason in done.err


def test_a_context_that_is_no_text_is_refused_by_name(lumina: Lumina, contract: Contract, tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8\xff")

    done = lumina("chat", "What is it?", "--context", str(tmp_path / "photo.jpg"))

    assert done.status == 1
    assert "photo.jpg is not readable text" in done.err
    assert contract.asked == []


def test_a_good_configuration_is_checked_without_a_running_lumina(tmp_path: Path, lumina: Lumina) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(
        "model_list:\n"
        "  - model_name: local\n"
        "    litellm_params: {model: openai/small, api_base: 'http://127.0.0.1:9/v1', api_key: none}\n"
        "litellm_settings: {callbacks: [prometheus]}\n"
    )

    done = lumina("config", "check", str(file))

    assert (done.status, done.err) == (0, "")
    assert "not yet" in done.out
    assert "It serves local, " in done.out
    assert "local" in json.loads(lumina("config", "check", str(file), "--json").out)["models"]


def test_a_bad_configuration_is_exit_1_with_line_and_key(tmp_path: Path, lumina: Lumina) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("model_list:\n  - model_name: local\n    litellm_params: 7\n")

    done = lumina("config", "check", str(file))

    assert done.status == 1
    assert "3" in done.out
    assert "litellm_params" in done.out
    assert f"{file} cannot be used" in done.err


def test_a_configuration_that_is_not_there_is_wrong_usage(tmp_path: Path, lumina: Lumina) -> None:
    assert lumina("config", "check", str(tmp_path / "none.yaml")).status == 2
