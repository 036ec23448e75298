"""What the gateway knows: one immutable, versioned snapshot, compiled by control and kept on disk."""

import hashlib
from typing import Literal

from msgspec import Struct, json

Period = Literal["day", "month"]
Strategy = Literal["simple-shuffle", "least-busy", "latency-based", "usage-based", "cost-based"]
Probe = Literal["models", "health", "tcp", "none"]


class Limits(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a key or a project may use. None is no limit; a budget starts anew with each UTC day or month."""

    models: tuple[str, ...] | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    budget_nano_usd: int | None = None
    budget_period: Period = "month"


UNLIMITED = Limits()
MASTER_KEY_ID = "master-key"
"""The id of the entry for the configuration's `general_settings.master_key`, which is no key of the database."""


class KeyEntry(Struct, frozen=True, kw_only=True):
    """A key that the gateway accepts; only its digest travels."""

    id: str
    sha256: str
    project_id: str
    scopes: tuple[str, ...] = ()
    role: str | None = None
    expires_at: float | None = None  # Unix seconds, UTC
    limits: Limits = UNLIMITED


class ProjectEntry(Struct, frozen=True, kw_only=True):
    """A project that has limits of its own, which hold for all of its keys together."""

    id: str
    limits: Limits


class KeysPart(Struct, frozen=True, kw_only=True):
    """Every key in force, the projects with limits, and those that capture content. A revoked key is absent."""

    keys: tuple[KeyEntry, ...] = ()
    projects: tuple[ProjectEntry, ...] = ()
    captures: tuple[str, ...] = ()  # ids


class Terms(Struct, frozen=True, array_like=True):
    """What a model costs, in nano-dollars per token, and the tokens that it takes and gives at most."""

    input: float | None = None
    output: float | None = None
    cached_input: float | None = None
    max_input_tokens: int | None = None
    max_output_tokens: int | None = None


class Parameters(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Fields that requests get from the configuration, as JSON objects, by what is asked.

    A caller's own fields win over them, but not over `extra_body`, which every request gets.
    """

    chat: str | None = None
    completion: str | None = None
    embedding: str | None = None
    responses: str | None = None
    messages: str | None = None
    extra_body: str | None = None


class Backend(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One place that answers for a route: LiteLLM calls it a deployment.

    `url` is the address up to and including `/v1`. With `socket` (a file name in the run folder) the
    connection goes to that unix socket, and `part` is the on-demand process that listens there.
    `translation` is what the LiteLLM library needs to call this backend, as a JSON object (`model`, `api_key`,
    `api_base` ...). With `translated` every request goes that way; without it only what the backend's own wire
    format lacks. `order` 1 is asked before 2. `probe` costs nothing; without `probe_seconds` it is sent only when there
    is doubt. `price_source` says in words where the price is from. With `*` in the model each model's own price
    is in the list of `RoutesPart.price_lists` that `price_list` names.
    """

    id: str
    provider: str
    model: str
    url: str
    api_key: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    weight: float = 1.0
    timeout_seconds: float | None = None
    stream_timeout_seconds: float | None = None
    socket: str | None = None
    part: str | None = None
    model_version: str | None = None
    model_sha256: str | None = None
    quantization: str | None = None
    input_nano_usd_per_token: float | None = None
    output_nano_usd_per_token: float | None = None
    cached_input_nano_usd_per_token: float | None = None
    price_source: str | None = None
    price_list: str | None = None
    parameters: Parameters | None = None
    translation: str | None = None
    translated: bool = False
    tags: tuple[str, ...] = ()
    order: int = 1
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    max_parallel_requests: int | None = None
    max_input_tokens: int | None = None
    max_output_tokens: int | None = None
    cooldown_seconds: float | None = None
    num_retries: int | None = None
    probe: Probe = "models"
    probe_url: str | None = None  # whole address, where it is not below `url`
    probe_seconds: float | None = None


class Tolerance(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How many of each kind of failure: retries of one, or fails that a backend may have. None: the general number.

    `unavailable` are answers 503, `bad_gateway` 502; `internal_server` all others that no other kind has. `default` is
    the general number for kinds that have none.
    """

    bad_request: int | None = None
    authentication: int | None = None
    timeout: int | None = None
    rate_limit: int | None = None
    content_policy: int | None = None
    internal_server: int | None = None
    unavailable: int | None = None
    bad_gateway: int | None = None
    not_found: int | None = None
    default: int | None = None


class Policy(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a route treats its backends' failures. The names follow LiteLLM's `router_settings`.

    Fallbacks are routes, tried in order. More than `allowed_fails` failures in a row open a backend's circuit, for
    `cooldown_seconds` at first. `hold_seconds`: how long a stream is held back so that it can still move to another
    backend; None holds it until it is whole.
    """

    strategy: Strategy = "simple-shuffle"
    latency_ttl_seconds: float = 3600.0
    latency_buffer: float = 0.0
    num_retries: int = 2
    retry_policy: Tolerance = Tolerance()
    retry_after_seconds: float = 0.0
    timeout_seconds: float | None = None
    stream_timeout_seconds: float | None = None
    allowed_fails: int = 2
    allowed_fails_policy: Tolerance = Tolerance()
    cooldown_seconds: float = 5.0
    cooldowns: bool = True
    fallbacks: tuple[str, ...] = ()
    context_window_fallbacks: tuple[str, ...] = ()
    content_policy_fallbacks: tuple[str, ...] = ()
    max_fallbacks: int = 5
    checks_context_window: bool = False
    filters_tags: bool = False
    matches_any_tag: bool = True
    hold_seconds: float | None = 0.0


class Route(Struct, frozen=True, kw_only=True):
    """A name that callers may put in `model`: LiteLLM calls it a model group.

    `kinds` holds what it answers, of `chat`, `completion`, `embedding`. A name that ends with `*` takes every model
    that begins so; a `*` in a backend's model stands for the rest of the caller's.
    """

    name: str
    backends: tuple[Backend, ...]
    kinds: tuple[str, ...]
    created: int = 0  # Unix seconds, as /v1/models shows it
    owned_by: str = "lumina"
    policy: Policy = Policy()


class Alias(Struct, frozen=True, kw_only=True):
    """Another name of a route; a hidden one is served but not listed."""

    target: str
    hidden: bool = False


class RoutesPart(Struct, frozen=True, kw_only=True):
    """Routes and backends, compiled from the configuration file and the embedded models.

    `redis_url`: where the gateways of several machines share their limits; it may hold a password. `price_lists`: for
    backends with `*` in their models, by what the `*` stands for.
    """

    routes: tuple[Route, ...] = ()
    aliases: dict[str, Alias] = {}
    config_sha256: str | None = None
    redis_url: str | None = None
    price_lists: dict[str, dict[str, Terms]] = {}


class Snapshot(Struct, frozen=True, kw_only=True):
    """All parts under one version, the SHA-256 of their content. Unknown parts are ignored on reading."""

    version: str
    routes: RoutesPart = RoutesPart()
    keys: KeysPart = KeysPart()


def sealed(routes: RoutesPart, keys: KeysPart) -> Snapshot:
    """Give the parts the version that their content has."""
    content = json.encode([routes, keys], order="deterministic")
    return Snapshot(version=hashlib.sha256(content).hexdigest(), routes=routes, keys=keys)
