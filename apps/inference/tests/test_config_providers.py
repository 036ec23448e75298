from typing import Any

import pytest
from msgspec import json

from apps.inference.tests.config_texts import backend_of, compiled, entry, lines, route_of
from lumina_contracts.snapshot import Backend, Parameters

ENVIRONMENT = {"ANTHROPIC_API_KEY": "sk-ant", "GEMINI_API_KEY": "g-key", "OPENAI_API_KEY": "sk-open"}


def read(params: str, *, name: str = "m", info: str = "", **environ: str) -> Backend:
    return backend_of(compiled(entry(params, name=f"'{name}'", info=info), **(environ or ENVIRONMENT)), name)


def translation_of(backend: Backend) -> dict[str, Any]:
    found: dict[str, Any] = json.decode(backend.translation or "{}")
    return found


def test_provider_with_its_own_wire_format_is_called_through_the_translator() -> None:
    backend = read("model: anthropic/claude-sonnet-4-5, temperature: 0.2, rpm: 5, extra_headers: {X-Team: a}")

    assert (backend.url, backend.socket, backend.part) == ("http://translator/v1", "translator.sock", "translator")
    assert (backend.translated, backend.provider, backend.model) == (True, "anthropic", "claude-sonnet-4-5")
    assert (backend.api_key, backend.headers) == (None, ())
    assert (backend.probe, backend.probe_url, backend.probe_seconds) == ("tcp", "https://api.anthropic.com", None)
    assert translation_of(backend) == {
        "model": "anthropic/claude-sonnet-4-5",
        "api_key": "sk-ant",
        "temperature": 0.2,
        "extra_headers": {"X-Team": "a"},
    }


@pytest.mark.parametrize(
    ("params", "environ", "expected"),
    [
        ("model: gemini/gemini-2.5-pro", {"GEMINI_API_KEY": "g"}, {"model": "gemini/gemini-2.5-pro", "api_key": "g"}),
        ("model: claude-3", {"ANTHROPIC_API_KEY": "a"}, {"model": "anthropic/claude-3", "api_key": "a"}),
        (
            "model: azure/eu, api_base: 'https://e.openai.azure.com/', api_key: k, api_version: '2024-08'",
            {},
            {"model": "azure/eu", "api_base": "https://e.openai.azure.com", "api_key": "k", "api_version": "2024-08"},
        ),
        (
            "model: azure/eu",
            {"AZURE_API_BASE": "https://e.azure.com", "AZURE_API_KEY": "k", "AZURE_API_VERSION": "v"},
            {"model": "azure/eu", "api_base": "https://e.azure.com", "api_key": "k", "api_version": "v"},
        ),
        (
            "model: bedrock/anthropic.claude-3, aws_region_name: os.environ/REGION",
            {"REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "i", "AWS_SECRET_ACCESS_KEY": "s"},
            {
                "model": "bedrock/anthropic.claude-3",
                "aws_region_name": "eu-west-1",
                "aws_access_key_id": "i",
                "aws_secret_access_key": "s",
            },
        ),
        (
            "model: vertex_ai/gemini-2.5-pro, vertex_project: p, vertex_credentials: {private_key: os.environ/K}",
            {"K": "pk", "VERTEXAI_LOCATION": "eu"},
            {
                "model": "vertex_ai/gemini-2.5-pro",
                "vertex_project": "p",
                "vertex_location": "eu",
                "vertex_credentials": {"private_key": "pk"},
            },
        ),
        ("model: nano-gpt/x", {"NANO_GPT_API_KEY": "n"}, {"model": "nano-gpt/x", "api_key": "n"}),
    ],
)  # fmt: skip
def test_translation_holds_what_the_library_needs(
    params: str, environ: dict[str, str], expected: dict[str, Any]
) -> None:
    given = compiled(entry(params), **environ)

    assert lines(given) == []
    assert translation_of(backend_of(given)) == expected


def test_backend_with_openais_wire_format_has_a_translation_of_its_connection_alone() -> None:
    given = compiled(entry("model: hosted_vllm/q, api_base: 'http://h:8000/v1', temperature: 0.5, rpm: 3, seed: null"))

    assert not backend_of(given).translated
    assert translation_of(backend_of(given)) == {
        "model": "hosted_vllm/q",
        "api_base": "http://h:8000/v1",
        "api_key": "no-key",
    }
    assert lines(given) == []


def test_call_parameters_are_kept_by_what_may_be_asked_with_them() -> None:
    text = entry(
        "model: hosted_vllm/q, api_base: 'http://h:8000/v1', temperature: 0.5, max_tokens: 9, dimensions: 3, "
        "extra_body: {chat_template_kwargs: {enable_thinking: false}, key: os.environ/K, model: other}"
    )
    given = compiled(text, K="secret")

    assert lines(given) == [("warning", 3, "model_list[0].litellm_params.extra_body.model")]
    assert backend_of(given).parameters == Parameters(
        chat='{"max_tokens":9,"temperature":0.5}',
        completion='{"max_tokens":9,"temperature":0.5}',
        embedding='{"dimensions":3}',
        responses='{"temperature":0.5}',
        messages='{"temperature":0.5}',
        extra_body='{"chat_template_kwargs":{"enable_thinking":false},"key":"secret"}',
    )


def test_extra_body_that_is_no_mapping_is_an_error() -> None:
    given = compiled(entry("model: hosted_vllm/q, api_base: 'http://h:8000/v1', extra_body: [1]"))

    assert lines(given) == [("error", 3, "model_list[0].litellm_params.extra_body")]


def test_drop_params_of_the_file_reach_the_library() -> None:
    given = compiled(entry("model: anthropic/c, api_key: k") + "litellm_settings: {drop_params: true}\n")

    assert translation_of(backend_of(given))["drop_params"] is True


def test_key_of_a_provider_is_not_sent_to_another_address_by_the_library_either() -> None:
    backend = read("model: anthropic/c, api_base: 'http://10.0.0.9:1'")

    assert translation_of(backend) == {"model": "anthropic/c", "api_base": "http://10.0.0.9:1", "api_key": "no-key"}
    assert (backend.probe, backend.probe_url, backend.probe_seconds) == ("tcp", "http://10.0.0.9:1", 30.0)


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ("model: anthropic/c", "set ANTHROPIC_API_KEY"),
        ("model: gemini/g", "set GEMINI_API_KEY"),
        ("model: cohere/command-r", "set COHERE_API_KEY"),
        ("model: 'openai/*', api_key: k", "ends the model, and the model_name too"),
    ],
)
def test_backend_that_lacks_something_is_left_out_with_the_next_step(params: str, says: str) -> None:
    given = compiled(entry(params) + "  - {model_name: other, litellm_params: {model: ollama/a}}\n")

    assert route_of(given, "other").backends
    assert says in given.report.findings[0].message
    assert "is left out" in given.report.findings[0].message


def test_azure_without_its_address_is_an_error() -> None:
    error = compiled(entry("model: azure/x, api_key: k")).report.errors[0]

    assert (error.line, error.path) == (3, "model_list[0].litellm_params.api_base")


def test_wildcards_keep_their_star() -> None:
    openai, claude = read("model: 'openai/*'", name="openai/*"), read("model: 'anthropic/*'", name="claude-*")
    anything = read("model: '*'", name="*")

    assert (openai.model, openai.translated) == ("*", False)
    assert (claude.model, translation_of(claude)["model"]) == ("*", "anthropic/*")
    assert (anything.translated, translation_of(anything), anything.probe) == (True, {"model": "*"}, "none")


def test_first_star_of_a_translation_is_the_models() -> None:
    backend = read("model: 'anthropic/*', extra_headers: {Accept: '*/*'}", name="a-*")

    assert (backend.translation or "").startswith('{"model":"anthropic/*"')


def test_litellm_proxy_is_a_backend_whose_probe_calls_no_model() -> None:
    backend = read("model: litellm_proxy/gpt, api_base: 'http://proxy:4000', api_key: sk-1")

    assert (backend.url, backend.model, backend.api_key) == ("http://proxy:4000/v1", "gpt", "sk-1")
    assert (backend.probe, backend.probe_url) == ("health", "http://proxy:4000/health/liveliness")


@pytest.mark.parametrize(
    ("params", "info", "settings", "probe"),
    [
        ("model: openai/x", "", "", ("models", None, None)),
        ("model: ollama/x", "", "", ("models", None, 30.0)),
        ("model: openai/x, api_base: 'https://api.openai.com/v1'", "", "", ("models", None, None)),
        ("model: ollama/x", "", "general_settings: {background_health_checks: false}", ("models", None, None)),
        ("model: ollama/x", "", "general_settings: {health_check_interval: 300}", ("models", None, 300.0)),
        ("model: ollama/x", "", "lumina_settings: {probes: {interval: 5, kind: tcp}}", ("tcp", None, 5.0)),
        ("model: ollama/x", "", "lumina_settings: {probes: {interval: off}}", ("models", None, None)),
        ("model: openai/x", "", "lumina_settings: {probes: {interval: 5, kind: tcp}}", ("models", None, None)),
        ("model: openai/x", "", "lumina_settings: {probes: {kind: none}}", ("none", None, None)),
        ("model: openai/x", "lumina_probe_interval: 60", "", ("models", None, 60.0)),
        ("model: ollama/x", "disable_background_health_check: true", "", ("models", None, None)),
        ("model: ollama/x", "lumina_probe: health", "", ("health", "http://localhost:11434/health", 30.0)),
        ("model: ollama/x", "lumina_probe: health, lumina_probe_url: 'http://h'", "", ("health", "http://h", 30.0)),
    ],
)  # fmt: skip
def test_probes_are_periodic_where_the_file_gives_the_address(
    params: str, info: str, settings: str, probe: tuple[str, str | None, float | None]
) -> None:
    backend = backend_of(compiled(entry(params, info=info) + settings, **ENVIRONMENT))

    assert (backend.probe, backend.probe_url, backend.probe_seconds) == probe


def test_homelab_with_ollama_and_openai_serves_both() -> None:
    given = compiled(
        "model_list:\n"
        "  - {model_name: chat, litellm_params: {model: ollama_chat/llama3.2, api_base: 'http://nas:11434'}}\n"
        "  - {model_name: chat, litellm_params: {model: gpt-4o-mini, order: 2}}\n"
        "  - {model_name: embed, litellm_params: {model: ollama/nomic-embed-text}, model_info: {mode: embedding}}\n"
        "litellm_settings: {drop_params: true}\n",
        **ENVIRONMENT,
    )

    chat = route_of(given, "chat")
    assert lines(given) == []
    assert [(backend.provider, backend.order) for backend in chat.backends] == [("ollama_chat", 1), ("openai", 2)]
    assert route_of(given, "embed").kinds == ("embedding",)


def test_findings_show_no_secret_of_a_translation() -> None:
    given = compiled(entry("model: bedrock/x, aws_secret_access_key: very-secret, rpm: very, aws_session_tags: 3"))

    assert given.report.errors
    assert not any("very-secret" in str(finding) for finding in given.report.findings)


def test_entries_share_a_credential_by_its_name() -> None:
    text = (
        entry("model: azure/x, litellm_credential_name: shared, api_version: own")
        + "credential_list:\n  - credential_name: shared\n"
        "    credential_values: {api_base: 'https://e', api_key: os.environ/K, api_version: theirs}\n"
    )

    given = compiled(text, K="k")

    assert lines(given) == []
    assert translation_of(backend_of(given)) == {
        "model": "azure/x",
        "api_base": "https://e",
        "api_key": "k",
        "api_version": "own",
    }


def test_unknown_credential_is_an_error() -> None:
    error = compiled(entry("model: ollama/x, litellm_credential_name: typo")).report.errors[0]

    assert (error.line, error.path) == (3, "model_list[0].litellm_params.litellm_credential_name")
