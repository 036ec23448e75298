"""The reports of several processes as one document."""

from collections.abc import Iterable, Mapping, Sequence

from lumina_contracts.snapshot import Backend, Route
from lumina_inference.gateway.rolling import merged, percentile
from lumina_inference.gateway.state import (
    VERSION,
    BackendState,
    BackendView,
    Circuit,
    GatewayState,
    ProcessReport,
    RouteState,
    SpendView,
)

_BADNESS: Mapping[Circuit, int] = {"closed": 0, "half_open": 1, "open": 2}
_Seen = tuple[str, BackendView]  # by which process


def state(reports: Sequence[ProcessReport], silent: Iterable[str], routes: Iterable[Route], at: float) -> GatewayState:
    """One document. The routes are those of the process that was asked; a backend it has not used shows as idle."""
    seen: dict[str, list[_Seen]] = {}
    for report in reports:
        for view in report.backends:
            seen.setdefault(view.id, []).append((report.process.instance, view))
    return GatewayState(
        version=VERSION,
        at=at,
        processes=tuple(report.process for report in reports),
        silent=tuple(silent),
        routes=tuple(_route(route, seen) for route in routes),
        spend=_spend(reports),
    )


def _route(route: Route, seen: Mapping[str, list[_Seen]]) -> RouteState:
    return RouteState(
        name=route.name, backends=tuple(_backend(backend, seen.get(backend.id, [])) for backend in route.backends)
    )


def _backend(backend: Backend, seen: Sequence[_Seen]) -> BackendState:
    views = [view for _, view in seen]
    worst = max(views, key=lambda view: (_BADNESS[view.state], view.until or 0.0), default=None)
    latency, first_token = merged(*(view.latency for view in views)), merged(*(view.first_token for view in views))
    differ = len({view.state for view in views}) > 1
    return BackendState(
        id=backend.id,
        provider=backend.provider,
        model=backend.model,
        state=worst.state if worst else "closed",
        states={instance: view.state for instance, view in seen} if differ else {},
        reason=worst.reason if worst else None,
        until=worst.until if worst else None,
        in_flight=sum(view.in_flight for view in views),
        requests=sum(view.requests for view in views),
        requests_per_second=round(sum(view.requests_per_second for view in views), 1),
        errors=_summed(view.errors for view in views),
        p50_seconds=percentile(latency, 0.5),
        p99_seconds=percentile(latency, 0.99),
        first_token_p50_seconds=percentile(first_token, 0.5),
        first_token_p99_seconds=percentile(first_token, 0.99),
        input_tokens=sum(view.input_tokens for view in views),
        output_tokens=sum(view.output_tokens for view in views),
        spend_nano_usd=sum(view.spend_nano_usd for view in views),
    )


def _summed(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    whole: dict[str, int] = {}
    for each in counts:
        for kind, count in each.items():
            whole[kind] = whole.get(kind, 0) + count
    return whole


def _spend(reports: Sequence[ProcessReport]) -> tuple[SpendView, ...]:
    """The processes share what they have flushed: the one that knows of most spent in the newest window is right."""
    newest: dict[tuple[str, str, str], SpendView] = {}
    for report in reports:
        for view in report.spend:
            key = (view.holder, view.id, view.period)
            known = newest.get(key)
            if known is None or (view.resets_at, view.spent_nano_usd) > (known.resets_at, known.spent_nano_usd):
                newest[key] = view
    return tuple(newest.values())
