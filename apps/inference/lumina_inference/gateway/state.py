"""How the gateway stands, as `GET /lumina/state` tells it: one document over all of its processes."""

from typing import Literal

from msgspec import Struct

from lumina_contracts.snapshot import Period
from lumina_inference.gateway.rolling import Spread

VERSION = 1
Circuit = Literal["closed", "open", "half_open"]


class ProcessState(Struct, frozen=True, kw_only=True):
    """One process of the gateway. `snapshot_age_seconds`: since control last confirmed it."""

    instance: str
    pid: int
    uptime_seconds: float
    in_flight: int
    connections: int
    snapshot_version: str | None
    snapshot_age_seconds: float
    control_up: bool


class BackendView(Struct, frozen=True, kw_only=True):
    """A backend as one process sees it. `until` is in Unix seconds; the spreads are of the last minute."""

    id: str
    state: Circuit
    reason: str | None
    until: float | None
    in_flight: int
    requests: int
    requests_per_second: float
    errors: dict[str, int]
    latency: Spread
    first_token: Spread
    input_tokens: int
    output_tokens: int
    spend_nano_usd: int


class SpendView(Struct, frozen=True, kw_only=True):
    """What a key or a project has spent in the current window, as one process knows it. `resets_at`: Unix seconds."""

    holder: Literal["key", "project"]
    id: str
    period: Period
    resets_at: float
    spent_nano_usd: int
    budget_nano_usd: int | None


class ProcessReport(Struct, frozen=True, kw_only=True):
    """What one process tells another."""

    process: ProcessState
    backends: tuple[BackendView, ...]
    spend: tuple[SpendView, ...]


class BackendState(Struct, frozen=True, kw_only=True):
    """A backend of a route over all processes.

    Requests, errors, tokens and spend count since the process began or the backend was changed; each attempt is one
    request. Latencies are of the whole answers of the last minute. `state` is the worst that a process sees, `states`
    what each sees, where they differ.
    """

    id: str
    provider: str
    model: str
    state: Circuit
    states: dict[str, Circuit]
    reason: str | None
    until: float | None
    in_flight: int
    requests: int
    requests_per_second: float
    errors: dict[str, int]
    p50_seconds: float | None
    p99_seconds: float | None
    first_token_p50_seconds: float | None
    first_token_p99_seconds: float | None
    input_tokens: int
    output_tokens: int
    spend_nano_usd: int


class RouteState(Struct, frozen=True, kw_only=True):
    """A route and its backends, in the order of the configuration."""

    name: str
    backends: tuple[BackendState, ...]


class GatewayState(Struct, frozen=True, kw_only=True):
    """The whole. `silent` names the processes that did not answer the one that was asked."""

    version: int
    at: float
    processes: tuple[ProcessState, ...]
    silent: tuple[str, ...]
    routes: tuple[RouteState, ...]
    spend: tuple[SpendView, ...]
