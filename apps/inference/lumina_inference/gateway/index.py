"""A snapshot prepared for the hot path: look-ups by digest and name, and everything that can be encoded beforehand."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import quote

from msgspec import Raw, json
from msgspec.structs import replace as replace_backend
from yarl import URL

from lumina_contracts import attributes as names
from lumina_contracts.snapshot import UNLIMITED, Backend, KeyEntry, KeysPart, Limits, Route, Snapshot
from lumina_inference.gateway.allowed import allowed
from lumina_inference.gateway.filling import Filling, fillings
from lumina_inference.gateway.keyvalues import attributes
from lumina_inference.gateway.operations import OPERATIONS, Operation
from lumina_inference.gateway.spanfields import ATTRIBUTES
from lumina_inference.wildcards import WILD, PriceLists, concrete

TRANSLATOR = "translator"
TRANSLATOR_SOCKET = f"{TRANSLATOR}.sock"
TRANSLATION_HEADER = "x-lumina-translation"
_MOST_CONCRETE = 1024
_SHOWN_PARAMETERS = frozenset({"model", "api_base", "base_url", "api_version", "custom_llm_provider"})
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
    reply_lines: str
    span: bytes
    secrets: tuple[str, ...]
    probe_url: URL | None
    bridge: "Target | None"
    fillings: Mapping[str, Filling]


@dataclass(frozen=True, slots=True)
class Choices:
    """A route and its targets; those of a route with `*` are for the one model that a caller asked for."""

    route: Route
    targets: tuple[Target, ...]
    span: bytes


@dataclass(frozen=True, slots=True)
class Caller:
    """A key in force, with what every span of it carries."""

    key: KeyEntry
    span: bytes
    project_limits: Limits = UNLIMITED
    captures: bool = False

    def may(self, scope: str) -> bool:
        return scope in self.key.scopes or self.is_admin

    @property
    def is_admin(self) -> bool:
        return self.key.role == "admin"

    def may_use(self, model: str, route: str) -> bool:
        """Whether the limits of the key and of its project name the model, or the route that it leads to."""
        return allowed(self.key.limits, self.project_limits, model, route)


@dataclass(frozen=True, slots=True)
class Index:
    """All that one request needs to know. Requests in flight keep the one that they began with.

    `routes` has every exact name; `wild` the routes whose names end with `*`, the longest first.
    """

    snapshot: Snapshot
    callers: Mapping[str, Caller]
    routes: Mapping[str, Choices]
    wild: tuple[tuple[str, Choices], ...]
    listed: Mapping[str, Route]
    span: bytes
    _concrete: dict[str, Choices] = field(default_factory=dict)

    @property
    def every_route(self) -> Iterable[Choices]:
        """Each route once, whatever its aliases."""
        exact = {choices.route.name: choices for choices in self.routes.values()}
        return (*exact.values(), *(choices for _, choices in self.wild))

    def find(self, model: str) -> Choices | None:
        """The route that serves this model."""
        found = self.routes.get(model) or self._concrete.get(model)
        if found is None and self.wild:
            return self._find_wild(model)
        return found

    def _find_wild(self, model: str) -> Choices | None:
        for prefix, choices in self.wild:
            if model.startswith(prefix):
                found = _concrete(choices, model.removeprefix(prefix), self.snapshot.routes.price_lists)
                if len(self._concrete) >= _MOST_CONCRETE:  # the oldest gives way, or made-up names would keep it full
                    del self._concrete[next(iter(self._concrete))]
                self._concrete[model] = found
                return found
        return None


def index(snapshot: Snapshot) -> Index:
    """Prepare a snapshot."""
    part = snapshot.routes
    every = [_choices(route) for route in part.routes]
    routes = {choices.route.name: choices for choices in every if not choices.route.name.endswith(WILD)}
    wild = [(choices.route.name[:-1], choices) for choices in every if choices.route.name.endswith(WILD)]
    aliases = {name: alias for name, alias in part.aliases.items() if alias.target in routes and name not in routes}
    shown = {name: routes[alias.target].route for name, alias in aliases.items() if not alias.hidden}
    return Index(
        snapshot=snapshot,
        callers=_callers(snapshot.keys),
        routes=routes | {name: routes[alias.target] for name, alias in aliases.items()},
        wild=tuple(sorted(wild, key=lambda entry: -len(entry[0]))),
        listed={name: choices.route for name, choices in routes.items()} | shown,
        span=attributes(
            ATTRIBUTES,
            [(names.SNAPSHOT.name, snapshot.version), (names.CONFIG_SHA256.name, part.config_sha256)],
        ),
    )


def _callers(part: KeysPart) -> dict[str, Caller]:
    limits = {project.id: project.limits for project in part.projects}
    captures = frozenset(part.captures)
    return {
        entry.sha256: _caller(entry, limits.get(entry.project_id, UNLIMITED), entry.project_id in captures)
        for entry in part.keys
    }


def _caller(entry: KeyEntry, project_limits: Limits, captures: bool) -> Caller:
    span = attributes(ATTRIBUTES, [(names.PROJECT.name, entry.project_id), (names.KEY_ID.name, entry.id)])
    return Caller(entry, span, project_limits, captures)


def _choices(route: Route) -> Choices:
    return Choices(
        route=route,
        targets=tuple(_target(route, backend) for backend in route.backends),
        span=attributes(ATTRIBUTES, [(names.ROUTE.name, route.name)]),
    )


def _concrete(choices: Choices, rest: str, price_lists: PriceLists) -> Choices:
    """A route with `*` for one model."""
    backends = (concrete(backend, rest, price_lists) for backend in choices.route.backends)
    return replace(choices, targets=tuple(_target(choices.route, backend) for backend in backends))


def _target(route: Route, backend: Backend) -> Target:
    target = _direct(route, backend)
    if backend.translation is None or backend.translated:
        return target
    through = replace_backend(backend, socket=TRANSLATOR_SOCKET, part=TRANSLATOR, url=f"http://{TRANSLATOR}/v1")
    return replace(target, bridge=_direct(route, through))


def _direct(route: Route, backend: Backend) -> Target:
    return Target(
        backend=backend,
        name=f"The backend {backend.id!r} of the model {route.name!r}",
        server=backend.socket or URL(backend.url).host_port_subcomponent or "",
        model=Raw(json.encode(backend.model)),
        urls={operation.path: _url(backend, operation) for operation in OPERATIONS},
        headers=_request_headers(backend),
        reply_lines=_reply_lines(route, backend),
        span=_span(backend),
        secrets=_secrets(backend),
        probe_url=_probe_url(backend),
        bridge=None,
        fillings=fillings(backend.parameters, extra=backend.socket != TRANSLATOR_SOCKET),
    )


def _secrets(backend: Backend) -> tuple[str, ...]:
    """What must not be repeated to a caller."""
    parameters = json.decode(backend.translation, type=dict[str, Raw]) if backend.translation else {}
    own = [json.decode(value) for name, value in parameters.items() if name not in _SHOWN_PARAMETERS]
    held = (backend.api_key, *dict(backend.headers).values(), *own)
    return tuple(value for value in held if isinstance(value, str) and value)


def _probe_url(backend: Backend) -> URL | None:
    """Where to ask for a sign of life; None if that is nowhere. A child of our own is watched by the supervisor."""
    if backend.probe == "none":
        return None
    if backend.probe_url:
        return URL(backend.probe_url)
    if backend.part is not None or backend.socket is not None:
        return None
    url = URL(backend.url)
    return url.with_path("/health") if backend.probe == "health" else url / "models"


def _url(backend: Backend, operation: Operation) -> URL:
    base, _, query = backend.url.partition("?")
    return URL(base.rstrip("/") + operation.path + (f"?{query}" if query else ""))


def _request_headers(backend: Backend) -> tuple[tuple[str, str], ...]:
    fixed = [("Content-Type", "application/json"), ("Accept-Encoding", "identity"), ("User-Agent", "lumina")]
    if backend.api_key:
        fixed.append(("Authorization", f"Bearer {backend.api_key}"))
    if backend.socket == TRANSLATOR_SOCKET and backend.translation:
        fixed = [*fixed[:3], (TRANSLATION_HEADER, quote(backend.translation, safe=""))]
    own = {name.lower() for name, _ in backend.headers}
    return (*((name, value) for name, value in fixed if name.lower() not in own), *backend.headers)


def _reply_lines(route: Route, backend: Backend) -> str:
    """What the head of every answer of this backend says of it."""
    shown = [("x-lumina-route", route.name), ("x-lumina-backend", backend.id)]
    shown += [("x-litellm-model-group", route.name), ("x-litellm-model-id", backend.id)]
    if backend.model_version:
        shown.append(("x-lumina-model-version", backend.model_version))
    return "".join(f"{name}: {header_value(value)}\r\n" for name, value in shown)


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
