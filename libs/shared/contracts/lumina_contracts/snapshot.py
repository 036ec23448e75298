"""What the gateway knows: one immutable, versioned snapshot, compiled by control and kept on disk."""

import hashlib

from msgspec import Struct, json


class KeyEntry(Struct, frozen=True, kw_only=True):
    """A key that the gateway accepts; only its digest travels."""

    id: str
    sha256: str
    project_id: str
    scopes: tuple[str, ...] = ()
    role: str | None = None
    expires_at: float | None = None  # Unix seconds, UTC


class KeysPart(Struct, frozen=True, kw_only=True):
    """Every key in force. A revoked key is absent."""

    keys: tuple[KeyEntry, ...] = ()


class Backend(Struct, frozen=True, kw_only=True):
    """One place that answers for a route: LiteLLM calls it a deployment.

    `url` is the address up to and including `/v1`. With `socket` (a file name in the run folder) the
    connection goes to that unix socket, and `part` is the on-demand process that listens there.
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


class Route(Struct, frozen=True, kw_only=True):
    """A name that callers may put in `model`: LiteLLM calls it a model group.

    `kinds` holds what it answers, of `chat`, `completion`, `embedding`.
    """

    name: str
    backends: tuple[Backend, ...]
    kinds: tuple[str, ...]
    created: int = 0  # Unix seconds, as /v1/models shows it
    owned_by: str = "lumina"


class Alias(Struct, frozen=True, kw_only=True):
    """Another name of a route; a hidden one is served but not listed."""

    target: str
    hidden: bool = False


class RoutesPart(Struct, frozen=True, kw_only=True):
    """Routes and backends, compiled from the configuration file and the embedded models."""

    routes: tuple[Route, ...] = ()
    aliases: dict[str, Alias] = {}
    config_sha256: str | None = None


class Snapshot(Struct, frozen=True, kw_only=True):
    """All parts under one version, the SHA-256 of their content. Unknown parts are ignored on reading."""

    version: str
    routes: RoutesPart = RoutesPart()
    keys: KeysPart = KeysPart()


def sealed(routes: RoutesPart, keys: KeysPart) -> Snapshot:
    """Give the parts the version that their content has."""
    content = json.encode([routes, keys], order="deterministic")
    return Snapshot(version=hashlib.sha256(content).hexdigest(), routes=routes, keys=keys)
