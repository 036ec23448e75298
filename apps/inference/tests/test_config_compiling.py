import hashlib
from pathlib import Path

import pytest
from msgspec import json

from lumina_contracts.snapshot import Alias, Backend, Route
from lumina_inference.config.compiling import Compiled, check, compile_file, compile_text, without_file
from lumina_inference.config.findings import Level
from lumina_inference.config.known import known_keys
from lumina_inference.config.providers import PROVIDERS
from lumina_inference.config.translated import TRANSLATED

EMBEDDED = ("lumina/minilm", "lumina/extractive")
PARAMS = "model_list[0].litellm_params"
ALIASES = "router_settings.model_group_alias"
STRONG = "sk-Zq8vT2mWx5LrB7nK"


def compiled(text: str, **environ: str) -> Compiled:
    return compile_text(text.encode(), environ)


def entry(params: str, *, name: str = "m", info: str = "") -> str:
    """A configuration with one entry, whose parameters are given in YAML's flow style."""
    return f"model_list:\n  - model_name: {name}\n    litellm_params: {{{params}}}\n" + (
        f"    model_info: {{{info}}}\n" if info else ""
    )


def backend_of(given: Compiled) -> Backend:
    assert given.report.errors == ()
    return given.routes.routes[0].backends[0]


def route_of(given: Compiled, name: str) -> Route:
    return next(route for route in given.routes.routes if route.name == name)


def lines(given: Compiled) -> list[tuple[str, int, str]]:
    return [(finding.level.value, finding.line, finding.path) for finding in given.report.findings]


def test_embedded_models_are_there_with_no_file_and_with_any() -> None:
    for given in (without_file(), compiled(""), compiled(entry("model: openai/x, api_key: k")), compiled("a: [")):
        assert [route.name for route in given.routes.routes][-2:] == list(EMBEDDED)

    minilm = route_of(without_file(), "lumina/minilm")
    assert (minilm.kinds, minilm.backends[0].socket, minilm.backends[0].part) == (
        ("embedding",),
        "embedded.sock",
        "embedded",
    )


def test_entry_becomes_a_backend() -> None:
    text = entry(
        "model: openai/gpt-4o, api_base: 'https://llm.example/v1/', api_key: os.environ/K, timeout: 30, "
        "stream_timeout: os.environ/T, weight: 2, organization: org, extra_headers: {X-Team: os.environ/K}",
        name="gpt",
        info="id: one, mode: chat, input_cost_per_token: 0.0000025, output_cost_per_token: 1.0e-05",
    )

    given = compiled(text, K="sk-from-environment", T="2.5")

    assert lines(given) == []
    assert route_of(given, "gpt").kinds == ("chat",)
    assert backend_of(given) == Backend(
        id="one",
        provider="openai",
        model="gpt-4o",
        translation=json.encode(
            {
                "model": "openai/gpt-4o",
                "api_base": "https://llm.example/v1",
                "api_key": "sk-from-environment",
                "extra_headers": {"X-Team": "sk-from-environment"},
                "organization": "org",
            }
        ).decode(),
        max_input_tokens=128_000,
        max_output_tokens=16_384,
        probe_seconds=30.0,
        url="https://llm.example/v1",
        api_key="sk-from-environment",
        headers=(("OpenAI-Organization", "org"), ("X-Team", "sk-from-environment")),
        weight=2.0,
        timeout_seconds=30.0,
        stream_timeout_seconds=2.5,
        input_nano_usd_per_token=2500.0,
        output_nano_usd_per_token=10000.0,
        price_source="config",
    )


@pytest.mark.parametrize(
    ("params", "url", "model", "provider"),
    [
        ("model: openai/gpt-4o, api_key: k", "https://api.openai.com/v1", "gpt-4o", "openai"),
        ("model: gpt-4o, api_key: k", "https://api.openai.com/v1", "gpt-4o", "openai"),
        ("model: groq/llama-3, api_key: k", "https://api.groq.com/openai/v1", "llama-3", "groq"),
        ("model: mistral/large, api_key: k", "https://api.mistral.ai/v1", "large", "mistral_ai"),
        ("model: xai/grok, api_key: k", "https://api.x.ai/v1", "grok", "x_ai"),
        ("model: openrouter/a/b, api_key: k", "https://openrouter.ai/api/v1", "a/b", "openrouter"),
        ("model: ollama/llama3.2", "http://localhost:11434/v1", "llama3.2", "ollama"),
        ("model: ollama_chat/q, api_base: 'http://h:1/v1'", "http://h:1/v1", "q", "ollama_chat"),
        ("model: hosted_vllm/m, api_base: 'http://h:8000/v1'", "http://h:8000/v1", "m", "hosted_vllm"),
        ("model: lm_studio/m, base_url: 'http://h:1234/v1'", "http://h:1234/v1", "m", "lm_studio"),
        ("model: a/b, custom_llm_provider: openai, api_base: 'http://h/v1'", "http://h/v1", "a/b", "openai"),
        (
            "model: fireworks_ai/llama, api_key: k",
            "https://api.fireworks.ai/inference/v1",
            "accounts/fireworks/models/llama",
            "fireworks_ai",
        ),
    ],
)
def test_provider_gives_the_address_and_the_models_own_name(params: str, url: str, model: str, provider: str) -> None:
    backend = backend_of(compiled(entry(params)))

    assert (backend.url, backend.model, backend.provider) == (url, model, provider)


def test_provider_key_and_address_come_from_the_environment() -> None:
    given = compiled(entry("model: groq/llama"), GROQ_API_KEY="gsk-1", GROQ_API_BASE="http://proxy/v1")

    assert (backend_of(given).api_key, backend_of(given).url) == ("gsk-1", "http://proxy/v1")


def test_providers_key_is_not_sent_to_another_address() -> None:
    given = compiled(entry("model: openai/x, api_base: 'http://10.0.0.5/v1'"), OPENAI_API_KEY="sk-mine")

    assert backend_of(given).api_key is None
    assert "write api_key: os.environ/OPENAI_API_KEY" in given.report.findings[0].message


def test_entries_of_one_name_become_backends_of_one_route_with_ids_that_outlive_reordering() -> None:
    one = "  - {model_name: m, litellm_params: {model: ollama/a}}\n"
    two = "  - {model_name: m, litellm_params: {model: ollama/b}, model_info: {mode: embedding}}\n"

    first, second = compiled(f"model_list:\n{one}{two}{one}"), compiled(f"model_list:\n{two}{one}{one}")

    ids = [backend.id for backend in route_of(first, "m").backends]
    assert len(set(ids)) == 3
    assert set(ids) == {backend.id for backend in route_of(second, "m").backends}


def test_mode_says_what_a_route_answers() -> None:
    assert route_of(compiled(entry("model: ollama/a", info="mode: embedding")), "m").kinds == ("embedding",)
    assert route_of(compiled(entry("model: ollama/a")), "m").kinds == ("chat", "completion", "embedding")
    text_completion = compiled(entry("model: text-completion-openai/a, api_key: k"))
    assert route_of(text_completion, "m").kinds == ("completion",)


@pytest.mark.parametrize(
    ("text", "level"),
    [
        (entry("model: anthropic/claude"), Level.WARNING),
        (entry("model: openai/*, api_key: k"), Level.WARNING),
        (entry("model: openai/x, api_key: k", name="'open*/x'"), Level.NOT_YET),
        (entry("model: openai/x, api_key: k", info="mode: rerank"), Level.NOT_YET),
        (entry("model: openai/x, api_key: os.environ/ABSENT"), Level.WARNING),
        (entry("model: openai/x"), Level.WARNING),
    ],
)
def test_backend_that_cannot_serve_is_left_out_and_said(text: str, level: Level) -> None:
    given = compiled(text + "  - {model_name: other, litellm_params: {model: ollama/a}}\n")

    assert given.report.ok
    assert [route.name for route in given.routes.routes] == ["other", *EMBEDDED]
    assert given.report.findings[0].level is level
    assert "is left out" in given.report.findings[0].message


@pytest.mark.parametrize(
    ("text", "line", "path", "says"),
    [
        ("- a", 1, "", "must be a mapping"),
        ("model_list: {}", 1, "model_list", "must be a list"),
        ("model_list:\n- x", 2, "model_list[0]", "must be a mapping"),
        ("model_list:\n- litellm_params: {model: ollama/a}", 2, "model_list[0].model_name", "is missing"),
        (entry("model: ollama/a", name="4"), 2, "model_list[0].model_name", "put it in quotes"),
        (entry("model: ollama/a", name="lumina/mine"), 2, "model_list[0].model_name", "belong to the models embedded"),
        (entry("api_key: k"), 3, "model_list[0].litellm_params.model", "is missing"),
        (entry("model: foo/bar"), 3, "model_list[0].litellm_params.model", "write openai/NAME"),
        (entry("model: hosted_vllm/a"), 3, "model_list[0].litellm_params.api_base", "is missing"),
        (entry("model: ollama/a, api_base: 'ftp://h'"), 3, "model_list[0].litellm_params.api_base", "http://"),
        (entry("model: ollama/a, api_base: 'http://h\\v1'"), 3, "model_list[0].litellm_params.api_base", "http://"),
        (entry("model: ollama/a, api_base: 'http://u:p@h/v1'"), 3, "model_list[0].litellm_params.api_base", "password"),
        (entry("model: ollama/a, api_base: 'http://h:99999/v1'"), 3, "model_list[0].litellm_params.api_base", "valid"),
        (entry("model: ollama/a, api_base: 'http://h/v1?x=1'"), 3, "model_list[0].litellm_params.api_base", "without"),
        (
            entry("model: ollama/a, api_base: 'http://h/v1/chat/completions'"),
            3,
            "model_list[0].litellm_params.api_base",
            "must end before /chat/completions",
        ),
        (entry("model: ollama/a, timeout: soon"), 3, "model_list[0].litellm_params.timeout", "must be a number"),
        (entry("model: ollama/a, timeout: .nan"), 3, "model_list[0].litellm_params.timeout", "must be a number"),
        (entry("model: ollama/a, weight: -1"), 3, "model_list[0].litellm_params.weight", "from 0"),
        (entry("model: ollama/a, api_key: 'a b'"), 3, "model_list[0].litellm_params.api_key", "no HTTP header"),
        (entry("model: ollama/a, extra_headers: {Host: x}"), 3, f"{PARAMS}.extra_headers.Host", "no header"),
        (entry('model: ollama/a, extra_headers: {A: "x\\r\\nB: y"}'), 3, f"{PARAMS}.extra_headers.A", "carry"),
        ("router_settings:\n  model_group_alias:\n    a: none", 3, f"{ALIASES}.a", "no model_name"),
        ("router_settings:\n  model_group_alias:\n    a: {b: 1}", 3, "router_settings.model_group_alias.a", "must be"),
        ("router_settings: 3", 1, "router_settings", "must be a mapping"),
        ("general_settings: {master_key: 5}", 1, "general_settings.master_key", "put it in quotes"),
    ],
)  # fmt: skip
def test_error_names_line_and_path_and_keeps_the_file_from_being_used(
    text: str, line: int, path: str, says: str
) -> None:
    given = compiled(text)

    error = given.report.errors[0]
    assert (error.line, error.path) == (line, path)
    assert says in error.message
    assert [route.name for route in given.routes.routes] == list(EMBEDDED)


def test_two_entries_with_one_id_are_an_error() -> None:
    two = (
        entry("model: ollama/a", info="id: x")
        + "  - {model_name: n, litellm_params: {model: ollama/b}, model_info: {id: x}}"
    )

    assert compiled(two).report.errors[0].message == "the id 'x' is taken by the entry at line 3"


def test_known_keys_get_a_not_yet_line_and_unknown_ones_a_warning() -> None:
    text = (
        entry("model: ollama/a, rpm: 5, region_name: x, mystery: 1", info="base_model: b, tier: x, riddle: 2")
        + "litellm_settings: {callbacks: [x], enigma: 1}\nrouter_settings: {num_retries: 2, weights: {}, puzzle: 1}\n"
        "general_settings: {database_url: x, secret: 1}\nenvironment_variables: {A: b}\nprompts: []\nquestion: 1\n"
    )

    assert lines(compiled(text)) == [
        ("not yet", 3, "model_list[0].litellm_params.region_name"),
        ("warning", 3, "model_list[0].litellm_params.mystery"),
        ("not yet", 4, "model_list[0].model_info.tier"),
        ("warning", 4, "model_list[0].model_info.riddle"),
        ("not yet", 5, "litellm_settings.callbacks"),
        ("warning", 5, "litellm_settings.enigma"),
        ("not yet", 6, "router_settings.weights"),
        ("warning", 6, "router_settings.puzzle"),
        ("not yet", 7, "general_settings.database_url"),
        ("warning", 7, "general_settings.secret"),
        ("not yet", 9, "prompts"),
        ("warning", 10, "question"),
    ]


def test_every_key_that_the_conventions_name_is_known() -> None:
    known = known_keys()

    assert {"routing_strategy", "routing_strategy_args", "num_retries", "retry_after", "timeout", "allowed_fails",
            "cooldown_time", "allowed_fails_policy", "retry_policy", "fallbacks", "context_window_fallbacks",
            "content_policy_fallbacks", "default_fallbacks", "model_group_alias", "enable_pre_call_checks",
            "redis_host", "redis_url", "redis_port", "redis_password", "ignore_invalid_deployments",
            "enable_weighted_failover"} <= known["router_settings"]  # fmt: skip
    assert {"drop_params", "request_timeout", "num_retries", "fallbacks", "success_callback", "failure_callback",
            "callbacks", "turn_off_message_logging", "json_logs"} <= known["litellm_settings"]  # fmt: skip
    assert {"master_key", "database_url", "store_model_in_db", "background_health_checks"} <= known["general_settings"]
    assert {"model", "api_key", "api_base", "api_version", "rpm", "tpm", "timeout", "stream_timeout", "weight",
            "extra_headers", "organization"} <= known["litellm_params"]  # fmt: skip
    assert {"id", "mode", "base_model", "cooldown_time", "allowed_fails_policy",
            "health_check_max_tokens"} <= known["model_info"]  # fmt: skip


def test_aliases_lead_to_routes_and_may_be_hidden() -> None:
    text = entry("model: ollama/a") + (
        "router_settings:\n  model_group_alias: {gpt-4: m, secret: {model: m, hidden: true}, embed: lumina/minilm}\n"
    )

    assert compiled(text).routes.aliases == {
        "gpt-4": Alias(target="m"),
        "secret": Alias(target="m", hidden=True),
        "embed": Alias(target="lumina/minilm"),
    }


def test_alias_of_a_left_out_backend_is_left_out_too() -> None:
    given = compiled(entry("model: anthropic/claude") + "router_settings: {model_group_alias: {a: m}}\n")

    assert given.report.ok
    assert given.routes.aliases == {}


def test_strong_master_key_becomes_a_key_for_inference() -> None:
    given = compiled("general_settings: {master_key: os.environ/K}", K=STRONG)

    key = given.master_key("project")
    assert key is not None
    assert (key.id, key.project_id, key.scopes, key.role) == ("master-key", "project", ("inference",), None)
    assert key.sha256 == hashlib.sha256(STRONG.encode()).hexdigest()


@pytest.mark.parametrize(
    "key", ["sk-1234", "sk-aaaaaaaaaaaaaaaaaaaa", "sk-1234567890123456789", "abcdefghijklmnopqrst", "''"]
)
def test_weak_master_key_is_refused_and_said(key: str) -> None:
    given = compiled(f"general_settings:\n  master_key: {key}")

    assert given.master_key("project") is None
    assert lines(given) == [("warning", 2, "general_settings.master_key")]
    assert key not in given.report.findings[0].message


def test_master_key_whose_variable_is_not_set_is_said() -> None:
    given = compiled("general_settings: {master_key: os.environ/ABSENT}")

    assert given.master_key("project") is None
    assert "ABSENT is not set" in given.report.findings[0].message


@pytest.mark.parametrize(
    ("alias", "says"),
    [("m: n", "is a model_name already"), ("lumina/x: n", "belong to"), (f"{'x' * 257}: n", "up to 256 printable")],
)
def test_alias_that_would_hide_or_imitate_a_model_is_an_error(alias: str, says: str) -> None:
    listed = entry("model: ollama/a") + "  - {model_name: n, litellm_params: {model: ollama/b}}\n"

    given = compiled(listed + f"router_settings:\n  model_group_alias: {{{alias}}}\n")

    assert says in given.report.errors[0].message


def test_unknown_key_of_an_alias_is_warned_of() -> None:
    given = compiled(entry("model: ollama/a") + "router_settings: {model_group_alias: {a: {model: m, colour: red}}}\n")

    assert lines(given) == [("warning", 4, "router_settings.model_group_alias.a.colour")]
    assert given.routes.aliases == {"a": Alias(target="m")}


def test_more_entries_than_a_gateway_can_hold_are_refused() -> None:
    given = compiled("model_list:\n" + "- x\n" * 5_001)

    assert given.report.errors[0].message == "has 5001 entries; 5000 are taken"


def test_no_finding_shows_a_secret() -> None:
    text = entry("model: foo/bar, api_key: sk-very-secret-value, api_base: 'http://user:hunter22@h/v1'")

    assert not any(
        word in str(finding) for finding in compiled(text).report.findings for word in ("very-secret", "hunter22")
    )


def test_file_is_checked_with_its_digest_and_its_bounds(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(entry("model: ollama/a"), encoding="utf-8-sig")

    assert check(file, {}).ok
    assert compile_file(file, {}).routes.config_sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert "more than 10 bytes" in check(file, {}, most_bytes=10).errors[0].message
    assert "cannot be read" in check(tmp_path / "none", {}).errors[0].message
    assert "cannot be read" in check(tmp_path, {}).errors[0].message
    file.write_bytes(b"a: 1\nb: \xff")
    assert (check(file, {}).errors[0].line, check(file, {}).errors[0].message) == (2, "the file is not UTF-8 text")


def test_no_provider_is_both_compatible_and_translated() -> None:
    assert not PROVIDERS.keys() & TRANSLATED.keys()
