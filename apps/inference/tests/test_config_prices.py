import pytest

from apps.inference.tests.config_texts import backend_of, compiled, entry
from lumina_contracts.snapshot import Terms
from lumina_inference.config.prices import price_table

GPT_4O = (2500.0, 10_000.0, 1250.0)
SONNET = (3000.0, 15_000.0, 300.0)
Prices = tuple[float | None, float | None, float | None]


def prices_of(params: str, info: str = "") -> Prices:
    backend = backend_of(compiled(entry(params, info=info)))
    return (
        backend.input_nano_usd_per_token,
        backend.output_nano_usd_per_token,
        backend.cached_input_nano_usd_per_token,
    )


@pytest.mark.parametrize(
    ("params", "info", "prices"),
    [
        ("model: openai/gpt-4o, api_key: k", "", GPT_4O),
        ("model: gpt-4o, api_key: k", "", GPT_4O),
        ("model: anthropic/claude-sonnet-4-5, api_key: k", "", SONNET),
        ("model: vertex_ai/claude-sonnet-4-5", "", SONNET),
        ("model: azure/mine, api_base: 'https://x', api_key: k", "base_model: azure/gpt-4o", GPT_4O),
        ("model: azure/mine, api_base: 'https://x', api_key: k", "base_model: gpt-4o", GPT_4O),
        ("model: azure/mine, api_base: 'https://x', api_key: k", "", (None, None, None)),
        ("model: hosted_vllm/gpt-4o, api_base: 'http://h/v1'", "", (None, None, None)),
        ("model: openai/gpt-4o, api_key: k, input_cost_per_token: 0.000001", "", (1000.0, None, None)),
        (
            "model: openai/gpt-4o, api_key: k, input_cost_per_token: 1",
            "input_cost_per_token: 0, output_cost_per_token: 0.000002, cache_read_input_token_cost: 0.0000005",
            (0.0, 2000.0, 500.0),
        ),
    ],
)
def test_price_is_the_files_else_the_tables_else_unknown(params: str, info: str, prices: Prices) -> None:
    assert prices_of(params, info) == prices


def test_limits_of_a_model_come_from_the_table_unless_the_file_has_them() -> None:
    listed = backend_of(compiled(entry("model: openai/gpt-4o, api_key: k", info="max_input_tokens: 1000")))

    assert (listed.max_input_tokens, listed.max_output_tokens) == (1000, 16_384)


def test_table_says_where_it_is_from_and_when() -> None:
    table = price_table()

    assert table.source.startswith("litellm 1.")
    assert len(table.date) == 10
    assert table.columns[:3] == ("input", "output", "cached_input")


def wildcard(model: str, more: str = "api_key: k") -> dict[str, dict[str, Terms]]:
    given = compiled(entry(f"model: '{model}', {more}", name="'any/*'"))
    assert backend_of(given, "any/*").price_list in {*given.routes.price_lists, None}
    return given.routes.price_lists


def test_backend_behind_a_wildcard_has_the_price_of_every_model_that_it_may_stand_for() -> None:
    every = wildcard("openai/*")["openai/*"]
    some = wildcard("openai/gpt-4o*")["openai/gpt-4o*"]

    assert every["gpt-4o"] == Terms(*GPT_4O, 128_000, 16_384)
    assert some[""] == every["gpt-4o"]
    assert some["-mini"] == every["gpt-4o-mini"]
    assert len(some) < len(every)


def test_backend_for_any_provider_has_prices_by_the_names_that_litellm_takes() -> None:
    listed = wildcard("*", "drop_params: true")["*"]

    assert listed["openai/gpt-4o"] == listed["gpt-4o"]
    assert listed["anthropic/claude-sonnet-4-5"] == listed["claude-sonnet-4-5"]


def test_local_backend_behind_a_wildcard_has_no_price_list() -> None:
    assert wildcard("hosted_vllm/*", "api_base: 'http://h/v1'") == {}


@pytest.mark.parametrize(
    ("params", "source"),
    [
        ("model: openai/gpt-4o, api_key: k", f"table of {price_table().date}"),
        ("model: openai/gpt-4o, api_key: k, input_cost_per_token: 1", "config"),
        ("model: hosted_vllm/q, api_base: 'http://h/v1'", None),
    ],
)
def test_price_has_its_source(params: str, source: str | None) -> None:
    assert backend_of(compiled(entry(params))).price_source == source
