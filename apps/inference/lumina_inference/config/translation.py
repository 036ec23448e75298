"""What the LiteLLM library is handed to call a backend: the entry's parameters without those that only route."""

from collections.abc import Mapping

from msgspec import json

from lumina_inference.config.addresses import Address
from lumina_inference.config.fields import Fields, LeftOut
from lumina_inference.config.known import is_known
from lumina_inference.config.origins import Origin
from lumina_inference.config.tree import Value

NO_KEY = "no-key"
_CONNECTION = frozenset(
    {
        "api_version", "organization", "extra_headers", "headers", "default_headers", "ssl_verify", "drop_params",
        "extra_body",
    }
)  # fmt: skip
_READ_ELSEWHERE = frozenset({"model", "custom_llm_provider", "api_base", "base_url", "api_key", "model_info"})
# Limits, budgets, and what LiteLLM's own proxy does around a call.
_AROUND = frozenset(
    {
        "adaptive_router_config", "adaptive_router_default_model", "auto_router_config", "auto_router_config_path",
        "auto_router_default_model", "auto_router_embedding_model", "auto_router_max_input_chars",
        "auto_router_model_compression", "auto_router_routing_compression", "budget_duration", "cache",
        "caching_groups", "complexity_router_config", "complexity_router_default_model",
        "configurable_clientside_auth_params", "cooldown_time", "default_api_key_rpm_limit",
        "default_api_key_tpm_limit", "fallbacks", "guardrails", "itpm", "litellm_credential_name", "litellm_trace_id",
        "max_budget", "max_file_size_mb", "max_parallel_requests", "max_retries", "mock_response", "mock_timeout",
        "model_name", "num_retries", "order", "otpm", "prompt_id", "quality_router_config",
        "quality_router_default_model", "request_timeout", "rpd", "rpm", "rpm_limit", "stream", "stream_options",
        "stream_timeout", "stream_timeout_by_service_tier", "tag_regex", "tags", "timeout",
        "timeout_by_service_tier", "tpd", "tpm", "tpm_limit", "use_in_pass_through", "weight",
    }
)  # fmt: skip
Plain = str | int | float | bool | None | list["Plain"] | dict[str, "Plain"]


def passed_on(params: Fields) -> frozenset[str]:
    """The parameters of an entry with a wire format of its own that the library gets as they are."""
    return frozenset(name for name in params.values if _is_for_the_library(name))


def translation(
    params: Fields, origin: Origin, address: Address, key: str | None, defaults: Mapping[str, Plain]
) -> str:
    """The JSON text, with the model first. Raises LeftOut when a variable that it refers to is not set."""
    wanted = passed_on(params) if origin.provider.translated else passed_on(params) & _CONNECTION
    own = {name: plain(params, params.values[name]) for name in wanted}
    content: dict[str, Plain] = {**defaults, **dict(_borrowed(params, origin)), **own}
    if address.given and address.url:
        content["api_base"] = address.url.removesuffix(origin.provider.appended)
    content["api_key"] = key or _no_key(origin, address)
    given = {name: value for name, value in sorted(content.items()) if value is not None}
    # First, since the gateway replaces the first * of the text.
    return json.encode({"model": origin.library_model, **given}).decode()


def _no_key(origin: Origin, address: Address) -> str | None:
    """What keeps the library from sending a provider's key, which it finds in its environment, to another address."""
    elsewhere = address.given and origin.provider.url is not None
    return NO_KEY if elsewhere or not origin.provider.translated else None


def _is_for_the_library(name: str) -> bool:
    return is_known("litellm_params", name) and name not in _READ_ELSEWHERE | _AROUND and "cost" not in name


def _borrowed(params: Fields, origin: Origin) -> list[tuple[str, str]]:
    """Parameters that LiteLLM takes from the environment."""
    pairs = (
        (name, next(filter(None, map(params.environ.get, found)), None)) for name, found in origin.provider.borrowed
    )
    return [(name, value) for name, value in pairs if value]


def plain(params: Fields, value: Value) -> Plain:
    """A value as JSON has it, with its variables looked up. Raises LeftOut."""
    if value.mapping is not None:
        return {name: plain(params, child) for name, child in value.mapping.items()}
    if value.items is not None:
        return [plain(params, item) for item in value.items]
    if value.text is not None:
        return params.resolved(value)
    if isinstance(value.data, str | int | float | bool | None):
        return value.data
    raise LeftOut(value, "is nothing that JSON can hold")
