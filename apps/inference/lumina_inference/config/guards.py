"""Keys of LiteLLM's that limit money or access and do not act here: passing them over in silence would open a door."""

_LIMITS = "see docs/guides/limits.md"
_BUDGET = f"this budget is not enforced here; give keys or projects one with `lumina keys create --budget`, {_LIMITS}"
_RATE = f"this limit is not enforced here; limit keys or projects with `lumina keys limit --rpm --tpm`, {_LIMITS}"
_SLOTS = "this limit is not enforced here; put max_parallel_requests into the litellm_params of each backend"
_LOGIN = "callers are not let in by this; they need a key of Lumina's, made with `lumina keys create`"
_NETWORK = "addresses are not checked here; let a firewall or a reverse proxy in front of the gateway do it"
_PATHS = f"paths are not limited by this; limit what a key may call with `lumina keys create --model`, {_LIMITS}"
_FIELDS = "requests are not checked for this; every request is accounted to its key, so give each user one of their own"
_MODELS = f"access is not limited by this; name the models of a key with `lumina keys create --model`, {_LIMITS}"
_NEW_KEYS = f"new keys do not get these limits; name them at `lumina keys create`, or limit the project, {_LIMITS}"
_CONTENT = "nothing is screened here; put the screening before or behind the gateway"

_GUARDS = {
    "top": {"guardrails": _CONTENT, "policies": _CONTENT, "litellm_jwtauth": _LOGIN},
    "litellm_params": {
        "max_budget": _BUDGET,
        "budget_duration": _BUDGET,
        "default_api_key_rpm_limit": _RATE,
        "default_api_key_tpm_limit": _RATE,
        "guardrails": _CONTENT,
    },
    "model_info": {"access_groups": _MODELS, "access_windows": _MODELS, "blocked": _MODELS, "team_id": _MODELS},
    "router_settings": {"provider_budget_config": _BUDGET, "default_max_parallel_requests": _SLOTS},
    "litellm_settings": {
        **dict.fromkeys(
            (
                "max_budget",
                "budget_duration",
                "max_user_budget",
                "max_end_user_budget",
                "max_end_user_budget_id",
                "max_internal_user_budget",
                "default_max_internal_user_budget",
                "internal_user_budget_duration",
                "tag_budget_config",
                "block_requests_for_models_without_pricing",
            ),
            _BUDGET,
        ),
        **dict.fromkeys(("default_key_generate_params", "upperbound_key_generate_params"), _NEW_KEYS),
        **dict.fromkeys(("guardrails", "banned_keywords_list"), _CONTENT),
        "blocked_user_list": _FIELDS,
    },
    "general_settings": {
        **dict.fromkeys(("max_parallel_requests", "global_max_parallel_requests"), _SLOTS),
        **dict.fromkeys(
            ("custom_auth", "enable_jwt_auth", "litellm_jwtauth", "enable_oauth2_auth", "enable_oauth2_proxy_auth"),
            _LOGIN,
        ),
        **dict.fromkeys(("allowed_ips", "trusted_proxy_ranges"), _NETWORK),
        **dict.fromkeys(("allowed_routes", "public_routes", "admin_only_routes", "role_permissions"), _PATHS),
        **dict.fromkeys(("enforced_params", "enforce_user_param"), _FIELDS),
        **dict.fromkeys(("enforce_rbac", "default_team_disabled"), _MODELS),
        **dict.fromkeys(("custom_key_generate", "custom_key_policy", "self_serve_budget_policy"), _NEW_KEYS),
    },
}


def guarded(section: str) -> frozenset[str]:
    """The keys of a section that guard something in LiteLLM and nothing here."""
    return frozenset(_GUARDS.get(section, {}))


def guard(section: str, key: str) -> str | None:
    """What to say of a key that guards something in LiteLLM and nothing here."""
    return _GUARDS.get(section, {}).get(key)
