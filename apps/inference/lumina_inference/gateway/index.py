"""A snapshot prepared for the hot path: look-ups by digest and name, and everything that can be encoded beforehand."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from urllib.parse import quote

from msgspec import Raw, json
from yarl import URL

from lumina_contracts import attributes as names
from lumina_contracts.snapshot import Backend, KeyEntry, Route, Snapshot
from lumina_inference.gateway.keyvalues import attributes
from lumina_inference.gateway.operations import OPERATIONS, Operation
from lumina_inference.gateway.spanfields import ATTRIBUTES

_UNSAFE_HEADER = re.compile(r"[^\x20-\x7e]")


@dataclass(frozen=True, slots=True)
class Target:
    """A backend, ready to be called. `name` is for messages to callers, `server` (its host and port) for the log."""

    backend: Backend
    name: str
    server: str
    model: Raw
    urls: Mapping[str, URL]
    headers: tuple[tuple[str, str], ...]
    reply_headers: tuple[tuple[str, str], ...]
    span: bytes
    secrets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Choices:
    """A route, its targets, and their summed weights for a weighted draw."""

    route: Route
    targets: tuple[Target, ...]
    weights: tuple[float, ...]
    span: bytes


@dataclass(frozen=True, slots=True)
class Caller:
    """A key in force, with what every span of it carries."""

    key: KeyEntry
    span: bytes

    def may(self, scope: str) -> bool:
        return scope in self.key.scopes or self.key.role == "admin"


@dataclass(frozen=True, slots=True)
class Index:
    """All that one request needs to know. Requests in flight keep the one that they began with."""

    snapshot: Snapshot
    callers: Mapping[str, Caller]
    routes: Mapping[str, Choices]
    listed: Mapping[str, Route]
    span: bytes


def index(snapshot: Snapshot) -> Index:
    """Prepare a snapshot."""
    part = snapshot.routes
    routes = {route.name: _choices(route) for route in part.routes}
    aliases = {name: alias for name, alias in part.aliases.items() if alias.target in routes and name not in routes}
    shown = {name: routes[alias.target].route for name, alias in aliases.items() if not alias.hidden}
    return Index(
        snapshot=snapshot,
        callers={entry.sha256: _caller(entry) for entry in snapshot.keys.keys},
        routes=routes | {name: routes[alias.target] for name, alias in aliases.items()},
        listed={name: choices.route for name, choices in routes.items()} | shown,
        span=attributes(
            ATTRIBUTES,
            [(names.SNAPSHOT.name, snapshot.version), (names.CONFIG_SHA256.name, part.config_sha256)],
        ),
    )


def _caller(entry: KeyEntry) -> Caller:
    return Caller(
        entry, attributes(ATTRIBUTES, [(names.PROJECT.name, entry.project_id), (names.KEY_ID.name, entry.id)])
    )


def _choices(route: Route) -> Choices:
    targets = tuple(_target(route, backend) for backend in route.backends)
    return Choices(
        route=route,
        targets=targets,
        weights=tuple(accumulate(max(backend.weight, 0.0) for backend in route.backends)),
        span=attributes(ATTRIBUTES, [(names.ROUTE.name, route.name)]),
    )


def _target(route: Route, backend: Backend) -> Target:
    return Target(
        backend=backend,
        name=f"The backend {backend.id!r} of the model {route.name!r}",
        server=backend.socket or URL(backend.url).host_port_subcomponent or "",
        model=Raw(json.encode(backend.model)),
        urls={operation.name: _url(backend, operation) for operation in OPERATIONS},
        headers=_request_headers(backend),
        reply_headers=_reply_headers(route, backend),
        span=_span(backend),
        secrets=tuple(value for value in (backend.api_key, *dict(backend.headers).values()) if value),
    )


def _url(backend: Backend, operation: Operation) -> URL:
    base, _, query = backend.url.partition("?")
    return URL(base.rstrip("/") + operation.path + (f"?{query}" if query else ""))


def _request_headers(backend: Backend) -> tuple[tuple[str, str], ...]:
    fixed = [("Content-Type", "application/json"), ("Accept-Encoding", "identity"), ("User-Agent", "lumina")]
    if backend.api_key:
        fixed.append(("Authorization", f"Bearer {backend.api_key}"))
    own = {name.lower() for name, _ in backend.headers}
    return (*((name, value) for name, value in fixed if name.lower() not in own), *backend.headers)


def _reply_headers(route: Route, backend: Backend) -> tuple[tuple[str, str], ...]:
    shown = [("x-lumina-route", route.name), ("x-lumina-backend", backend.id)]
    if backend.model_version:
        shown.append(("x-lumina-model-version", backend.model_version))
    return tuple((name, header_value(value)) for name, value in shown)


def header_value(value: str) -> str:
    """A name as a header field can carry it: all but visible ASCII is percent-encoded."""
    return quote(value, safe="") if _UNSAFE_HEADER.search(value) else value


def _span(backend: Backend) -> bytes:
    url = URL(backend.url)
    return attributes(
        ATTRIBUTES,
        [
            (names.PROVIDER.name, backend.provider),
            (names.BACKEND.name, backend.id),
            (names.MODEL_VERSION.name, backend.model_version),
            (names.MODEL_SHA256.name, backend.model_sha256),
            (names.MODEL_QUANTIZATION.name, backend.quantization),
            (names.SERVER_ADDRESS.name, backend.socket or url.host),
            (names.SERVER_PORT.name, None if backend.socket else url.port),
        ],
    )
