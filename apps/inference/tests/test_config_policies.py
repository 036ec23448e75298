from itertools import product

import pytest

from apps.inference.tests.config_texts import backend_of, compiled, entry, lines, local, policy_of, route_of
from lumina_contracts.snapshot import Alias, Policy, Tolerance
from lumina_inference.config.acted import SECTIONS

LOAD_BALANCED = """
model_list:
  - model_name: gpt-4o
    litellm_params: {model: azure/gpt-4o-eu, api_base: https://eu.openai.azure.com, api_key: k, rpm: 6}
  - model_name: gpt-4o
    litellm_params: {model: azure/gpt-4o-ca, api_base: https://ca.openai.azure.com, api_key: k, rpm: 6}
  - model_name: gpt-4o
    litellm_params: {model: azure/gpt-4o-large, api_base: https://large.openai.azure.com, api_key: k, rpm: 1440}
router_settings:
  routing_strategy: usage-based-routing-v2
  num_retries: 3
  retry_after: 0.5
  timeout: 30
  stream_timeout: 5
  allowed_fails: 1
  cooldown_time: 60
  enable_pre_call_checks: true
  enable_tag_filtering: true
  tag_filtering_match_any: false
"""
RELIABLE = """
model_list:
  - {model_name: zephyr, litellm_params: {model: hosted_vllm/zephyr, api_base: "http://10.0.0.2:8000/v1"}}
  - {model_name: gpt-4o, litellm_params: {model: openai/gpt-4o, api_key: k}}
  - {model_name: large, litellm_params: {model: gemini/gemini-2.5-pro, api_key: k}}
  - {model_name: claude, litellm_params: {model: anthropic/claude-sonnet-4-5, api_key: k}}
litellm_settings:
  num_retries: 3
  request_timeout: 10
  allowed_fails: 5
  cooldown_time: 30
  fallbacks: [{zephyr: [gpt-4o]}, {gpt-4: [claude, zephyr]}]
  context_window_fallbacks: [{zephyr: [large]}, {"*": [large]}]
  content_policy_fallbacks: [{gpt-4o: [claude]}]
  default_fallbacks: [claude]
  max_fallbacks: 2
router_settings:
  model_group_alias: {gpt-4: gpt-4o}
"""


def settings(text: str, *names: str) -> str:
    return local(*(names or ("a", "b", "c"))) + text


def test_file_without_settings_gets_the_contracts_policy() -> None:
    assert policy_of(compiled(local("a")), "a") == Policy()


def test_router_settings_become_the_policy_of_each_route() -> None:
    given = compiled(LOAD_BALANCED)

    assert lines(given) == []
    assert policy_of(given, "gpt-4o") == Policy(
        strategy="usage-based",
        num_retries=3,
        retry_after_seconds=0.5,
        timeout_seconds=30,
        stream_timeout_seconds=5,
        allowed_fails=1,
        cooldown_seconds=60,
        checks_context_window=True,
        filters_tags=True,
        matches_any_tag=False,
    )
    assert [backend.weight for backend in route_of(given, "gpt-4o").backends] == [6, 6, 1440]


def test_litellm_settings_act_and_fallbacks_follow_the_file() -> None:
    given = compiled(RELIABLE)

    zephyr, gpt = policy_of(given, "zephyr"), policy_of(given, "gpt-4o")
    assert lines(given) == []
    assert (zephyr.num_retries, zephyr.timeout_seconds, zephyr.allowed_fails, zephyr.cooldown_seconds) == (3, 10, 5, 30)
    assert (zephyr.fallbacks, zephyr.max_fallbacks) == (("gpt-4o", "claude"), 2)
    assert gpt.fallbacks == ("claude", "zephyr")
    assert policy_of(given, "large").fallbacks == ("claude",)
    assert (zephyr.context_window_fallbacks, gpt.context_window_fallbacks) == (("large",), ("large",))
    assert (gpt.content_policy_fallbacks, zephyr.content_policy_fallbacks) == (("claude",), ())


def test_router_settings_win_over_litellm_settings_and_that_is_said() -> None:
    given = compiled(settings("litellm_settings:\n  num_retries: 5\nrouter_settings:\n  num_retries: 1\n", "a"))

    assert policy_of(given, "a").num_retries == 1
    assert lines(given) == [("warning", 4, "litellm_settings.num_retries")]


def test_fallbacks_that_lead_in_a_circle_end() -> None:
    given = compiled(settings("litellm_settings: {fallbacks: [{a: [b]}, {b: [c]}, {c: [a]}]}\n"))

    assert policy_of(given, "a").fallbacks == ("b", "c")
    assert policy_of(given, "c").fallbacks == ("a", "b")


def test_no_route_gets_more_than_a_bounded_number_of_fallbacks() -> None:
    names = [f"m{number}" for number in range(100)]
    chain = ", ".join(f"{{m{number}: [m{number + 1}]}}" for number in range(99))

    given = compiled(settings(f"litellm_settings: {{fallbacks: [{chain}]}}\n", *names))

    assert len(policy_of(given, "m0").fallbacks) == 64


def test_fallback_of_a_left_out_backend_is_left_out_too() -> None:
    text = entry("model: openai/x", name="gone") + "  - {model_name: here, litellm_params: {model: ollama/x}}\n"

    given = compiled(text + "litellm_settings: {fallbacks: [{here: [gone]}]}\n")

    assert policy_of(given, "here").fallbacks == ()


def test_embedded_models_have_only_fallbacks_of_their_own_name() -> None:
    given = compiled(settings("litellm_settings: {default_fallbacks: [a], fallbacks: [{lumina/extractive: [b]}]}\n"))

    assert policy_of(given, "lumina/extractive").fallbacks[0] == "b"
    assert policy_of(given, "lumina/minilm").fallbacks == ()


def test_name_with_its_provider_takes_the_fallbacks_of_the_bare_one() -> None:
    given = compiled(settings("litellm_settings: {fallbacks: [{qwen: [b]}]}\n", "openai/qwen", "b"))

    assert lines(given) == []
    assert policy_of(given, "openai/qwen").fallbacks == ("b",)


def test_fallback_may_be_a_name_that_a_wildcard_takes() -> None:
    text = (
        entry("model: openai/*, api_key: k", name="'openai/*'") + "litellm_settings: {fallbacks: [{'*': [openai/x]}]}"
    )

    assert policy_of(compiled(text), "openai/*").fallbacks == ("openai/x",)


WILDCARD = entry("model: openai/*, api_key: k", name="'openai/*'")


def test_name_that_only_a_wildcard_takes_may_have_an_alias_and_fallbacks() -> None:
    given = compiled(
        WILDCARD + "router_settings:\n"
        "  model_group_alias: {best: openai/gpt-4o, both: {model: openai/gpt-4o}}\n"
        "  fallbacks: [{openai/gpt-4o: [openai/x]}]\n"
        "  context_window_fallbacks: [{'openai/*': [openai/y]}]\n"
    )

    assert lines(given) == []
    assert given.routes.aliases == {"best": Alias(target="openai/gpt-4o"), "both": Alias(target="openai/gpt-4o")}
    assert backend_of(given, "openai/gpt-4o").model == "gpt-4o"
    assert backend_of(given, "openai/gpt-4o").input_nano_usd_per_token == 2500
    assert backend_of(given, "openai/gpt-4o").id == backend_of(given, "openai/*").id
    assert policy_of(given, "openai/gpt-4o").fallbacks == ("openai/x",)
    assert policy_of(given, "openai/gpt-4o").context_window_fallbacks == ("openai/y",)
    assert policy_of(given, "openai/*").fallbacks == ()


def test_route_of_a_name_that_only_a_wildcard_takes_may_be_held_back() -> None:
    given = compiled(WILDCARD + "lumina_settings: {routes: {openai/a: {stream_hold: 2}, openai/*: {stream_hold: 1}}}\n")

    assert policy_of(given, "openai/a").hold_seconds == 2
    assert policy_of(given, "openai/*").hold_seconds == 1


def test_policies_by_kind_of_failure_and_by_route() -> None:
    given = compiled(
        settings(
            "router_settings:\n"
            "  retry_policy: {RateLimitErrorRetries: 3, TimeoutErrorRetries: '2', DefaultRetries: 0}\n"
            "  model_group_retry_policy: {a: {BadRequestErrorRetries: 0}, nobody: {}}\n"
            "  allowed_fails_policy: {InternalServerErrorAllowedFails: 20, BadGatewayErrorAllowedFails: 1}\n"
            "  disable_cooldowns: true\n"
        )
    )

    assert policy_of(given, "b").retry_policy == Tolerance(rate_limit=3, timeout=2, default=0)
    assert policy_of(given, "a").retry_policy == Tolerance(bad_request=0)
    assert policy_of(given, "a").allowed_fails_policy == Tolerance(internal_server=20, bad_gateway=1)
    assert not policy_of(given, "a").cooldowns
    assert lines(given) == [
        ("warning", 7, "router_settings.model_group_retry_policy.nobody"),
    ]


@pytest.mark.parametrize(
    ("written", "strategy"),
    [
        ("simple-shuffle", "simple-shuffle"),
        ("least-busy", "least-busy"),
        ("usage-based-routing", "usage-based"),
        ("usage-based-routing-v2", "usage-based"),
        ("latency-based-routing", "latency-based"),
        ("cost-based-routing", "cost-based"),
    ],
)
def test_every_strategy_of_litellms_is_taken(written: str, strategy: str) -> None:
    given = compiled(settings(f"router_settings: {{routing_strategy: {written}}}\n"))

    assert policy_of(given, "a").strategy == strategy


def test_group_of_routes_has_its_own_strategy() -> None:
    given = compiled(
        settings(
            "router_settings:\n  routing_strategy: least-busy\n  routing_groups:\n"
            "    - {group_name: fast, models: [a], routing_strategy: latency-based-routing,\n"
            "       routing_strategy_args: {ttl: 60, lowest_latency_buffer: 0.5}}\n"
        )
    )

    fast = policy_of(given, "a")
    assert (fast.strategy, fast.latency_ttl_seconds, fast.latency_buffer) == ("latency-based", 60, 0.5)
    assert policy_of(given, "b").strategy == "least-busy"


@pytest.mark.parametrize(
    ("params", "weights"),
    [
        (("weight: 2", "weight: 1"), [2, 1]),
        (("weight: 2", "rpm: 5"), [2, 0]),
        (("rpm: 10", "rpm: 30, tpm: 5"), [10, 30]),
        (("tpm: 1000", "tpm: 3000"), [1000, 3000]),
        (("weight: 0", ""), [1, 1]),
    ],
)
def test_shares_are_weights_else_rpm_else_tpm(params: tuple[str, str], weights: list[float]) -> None:
    listed = "".join(f"  - {{model_name: m, litellm_params: {{model: ollama/a, {each}}}}}\n" for each in params)

    given = compiled("model_list:\n" + listed)

    assert [backend.weight for backend in route_of(given, "m").backends] == weights


def test_entry_says_what_its_backend_takes() -> None:
    params = (
        "model: ollama/a, rpm: 5, tpm: '900', max_parallel_requests: 4, order: 2, tags: [free, eu], max_retries: 1, "
        "timeout: 9, cooldown_time: 20"
    )

    backend = backend_of(
        compiled(entry(params, info="max_input_tokens: 8192, max_output_tokens: 512, cooldown_time: 7"))
    )

    assert (backend.requests_per_minute, backend.tokens_per_minute, backend.max_parallel_requests) == (5, 900, 4)
    assert (backend.order, backend.tags, backend.num_retries, backend.timeout_seconds) == (2, ("free", "eu"), 1, 9)
    assert (backend.max_input_tokens, backend.max_output_tokens, backend.cooldown_seconds) == (8192, 512, 7)


def test_what_only_lumina_has_is_read_by_route() -> None:
    given = compiled(
        settings(
            "litellm_settings: {default_fallbacks: [c]}\nlumina_settings:\n  routes:\n"
            "    a: {stream_hold: whole, fallbacks: [b]}\n    b: {stream_hold: 1.5}\n    c: {stream_hold: 0}\n"
        )
    )

    assert lines(given) == []
    assert [policy_of(given, name).hold_seconds for name in "abc"] == [None, 1.5, 0]
    assert policy_of(given, "a").fallbacks == ("b", "c")


@pytest.mark.parametrize(
    ("text", "line", "path", "says"),
    [
        ("router_settings: {routing_strategy: fastest}", 5, "router_settings.routing_strategy", "and is 'fastest'"),
        ("router_settings:\n  num_retries: many", 6, "router_settings.num_retries", "from 0 to 100, and is 'many'"),
        ("router_settings:\n  num_retries: 1.5", 6, "router_settings.num_retries", "whole number, and is 1.5"),
        ("router_settings: {disable_cooldowns: 3}", 5, "router_settings.disable_cooldowns", "true or false, and is 3"),
        ("router_settings: {fallbacks: {a: [b]}}", 5, "router_settings.fallbacks", "must be a list of"),
        ("router_settings: {fallbacks: [a]}", 5, "router_settings.fallbacks[0]", "and is 'a'"),
        ("router_settings: {fallbacks: [{a: b}]}", 5, "router_settings.fallbacks[0].a", "list of models, and is 'b'"),
        ("router_settings:\n  fallbacks:\n  - a: [x]", 7, "router_settings.fallbacks[0].a[0]", "'x' is no model_name"),
        (
            f"litellm_settings: {{default_fallbacks: [{'a, ' * 65}]}}",
            5,
            "litellm_settings.default_fallbacks",
            "has 65 models; 64 are taken",
        ),
        ("litellm_settings: {default_fallbacks: [x]}", 5, "litellm_settings.default_fallbacks[0]", "'x' is no"),
        (
            "router_settings: {retry_policy: {Rate: 1}}",
            5,
            "router_settings.retry_policy.Rate",
            "RateLimitErrorRetries",
        ),
        ("router_settings: {routing_groups: [{models: [x]}]}", 5, "router_settings.routing_groups[0].models[0]", "'x'"),
        ("lumina_settings: {colour: red}", 5, "lumina_settings.colour", "here stand probes, routes"),
        ("lumina_settings: {routes: {x: {}}}", 5, "lumina_settings.routes.x", "'x' is no model_name"),
        ("lumina_settings: {routes: {a: {hold: 1}}}", 5, "lumina_settings.routes.a.hold", "fallbacks, stream_hold"),
        (
            "lumina_settings: {routes: {a: {stream_hold: soon}}}",
            5,
            "lumina_settings.routes.a.stream_hold",
            "whole, and is 'soon'",
        ),
        ("lumina_settings: {probes: {kind: ping}}", 5, "lumina_settings.probes.kind", "models, health, tcp, none"),
        ("lumina_settings: {probes: {interval: 0}}", 5, "lumina_settings.probes.interval", "from 1 to"),
        ("router_settings: {redis_url: 'http://h'}", 5, "router_settings.redis_url", "redis://host:6379"),
    ],
)
def test_wrong_setting_is_an_error_with_line_and_value(text: str, line: int, path: str, says: str) -> None:
    error = compiled(settings(text)).report.errors[0]

    assert (error.line, error.path) == (line, path)
    assert says in error.message


def test_fallbacks_of_no_model_are_a_warning() -> None:
    given = compiled(settings("litellm_settings:\n  fallbacks:\n    - {typo: [a]}\n"))

    assert lines(given) == [("warning", 7, "litellm_settings.fallbacks[0].typo")]


def test_setting_whose_variable_is_not_set_is_left_out_and_said() -> None:
    given = compiled(settings("router_settings:\n  timeout: os.environ/ABSENT\n  num_retries: os.environ/N\n"), N="7")

    assert (policy_of(given, "a").timeout_seconds, policy_of(given, "a").num_retries) == (None, 7)
    assert lines(given) == [("warning", 6, "router_settings.timeout")]


def test_environment_variables_of_the_file_are_there_for_the_rest_of_it() -> None:
    text = entry("model: groq/x") + "environment_variables: {GROQ_API_KEY: gsk-file, N: 4}\n"

    given = compiled(text + "router_settings: {num_retries: os.environ/N}\n", GROQ_API_KEY="gsk-outside")

    assert (backend_of(given).api_key, policy_of(given, "m").num_retries) == ("gsk-file", 4)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("router_settings: {redis_host: r.local, redis_password: p@ss, redis_port: 6380}", "redis://:p%40ss@r.local:6380/0"),
        ("router_settings: {redis_host: '::1'}", "redis://[::1]:6379/0"),
        ("router_settings: {redis_url: os.environ/R}", "rediss://r:1/2"),
        ("litellm_settings: {cache_params: {type: redis, host: r, port: 1}}", "redis://r:1/0"),
        ("litellm_settings: {cache_params: {type: s3, host: r}}", None),
        ("general_settings: {coordination_redis: {host: r, username: u, password: p, ssl: true}}", "rediss://u:p@r:6379/0"),
        ("", None),
    ],
)  # fmt: skip
def test_redis_of_the_file_is_where_limits_are_shared(text: str, url: str | None) -> None:
    assert compiled(settings(text), R="rediss://r:1/2").routes.redis_url == url


ODD = (
    "", "[]", "{}", "-1", "1e400", ".nan", "true", "text", "''", "[[a]]", "[{a: 1}]", "{a: b}", "os.environ/",
    "2026-01-01", "'http://['", '"\\0"',
)  # fmt: skip


@pytest.mark.parametrize("section", ["router_settings", "litellm_settings", "general_settings", "lumina_settings"])
def test_no_value_of_a_setting_is_more_than_a_finding(section: str) -> None:
    keys = SECTIONS.get(section, {"routes": "", "probes": ""})

    for key, value in product(keys, ODD):
        given = compiled(settings(f"{section}:\n  {key}: {value}\n", "a"))

        assert given.report.ok or {error.line for error in given.report.errors} <= {3, 4}, (key, value)
