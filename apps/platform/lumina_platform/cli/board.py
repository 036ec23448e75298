"""The gateway's state as tables. It imports Rich: commands import it where they print."""

import re
from collections.abc import Iterator
from datetime import timedelta

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from lumina_inference.gateway.state import BackendState, GatewayState, RouteState, SpendView
from lumina_platform.cli.report import lasting
from lumina_platform.cli.units import NOTHING, count, dollars, rate, seconds

WIDE = 150
MOST_SPENDERS = 12
_ORDER = {"open": 0, "half_open": 1, "closed": 2}
_STYLE = {"open": "bold red", "half_open": "yellow", "closed": "green"}
_SHORT_ID = 8
_LEAST_WIDTH = 11  # a short id behind its indent
_MADE_ID = re.compile(r"[0-9a-f]{16}")
NO_ROUTES = "No routes yet. Start with `lumina up --config FILE`, a LiteLLM config.yaml with a `model_list`."
NO_REQUESTS = "No request yet. Try: lumina chat 'What can you do?'"


def board(state: GatewayState, address: str, width: int) -> RenderableType:
    """All of it, for a terminal of this width: a narrow one shows fewer columns."""
    parts: list[RenderableType] = [_head(state, address), ""]
    if not state.routes:
        parts.append(Text(NO_ROUTES))
        return Group(*parts)
    parts.append(_routes(state, wide=width >= WIDE))
    if not any(backend.requests for route in state.routes for backend in route.backends):
        parts += ["", Text(NO_REQUESTS)]
    if spenders := _spenders(state):
        parts += ["", _spending(spenders, state.at)]
    return Group(*parts)


def _head(state: GatewayState, address: str) -> Text:
    youngest = min((process.uptime_seconds for process in state.processes), default=0.0)
    head = Text.assemble(("Gateway ", "bold"), address)
    facts = [
        f"{len(state.processes)} {'process' if len(state.processes) == 1 else 'processes'}",
        f"up {lasting(timedelta(seconds=youngest))}",
        f"{sum(process.in_flight for process in state.processes)} in flight",
        f"{sum(process.connections for process in state.processes)} connections",
    ]
    head.append("  " + ", ".join(facts))
    for trouble in _troubles(state):
        head.append(f"\n{trouble}", "yellow")
    return head


def _troubles(state: GatewayState) -> Iterator[str]:
    if state.silent:
        yield f"No answer from {', '.join(state.silent)}: their numbers are missing here. See `lumina status`."
    alone = [process for process in state.processes if not process.control_up]
    if alone:
        age = lasting(timedelta(seconds=max(process.snapshot_age_seconds for process in alone)))
        yield f"Control does not answer: the configuration and keys are those of {age} ago. See `lumina status`."
    if len({process.snapshot_version for process in state.processes}) > 1:
        yield "The processes do not hold the same configuration yet."


def _routes(state: GatewayState, *, wide: bool) -> Table:
    """A narrow one puts the backends of a route below its name."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for title in ("Route", "Backend", "State") if wide else ("Route", "State"):
        table.add_column(title, min_width=_LEAST_WIDTH)  # these give way where there is little room; numbers do not
    for title in ("Req/s", "Now", "p50", "p99", "First", *(("Requests",) if wide else ()), "Errors"):
        table.add_column(title, justify="right", no_wrap=True)
    if wide:
        table.add_column("Of which")
        table.add_column("Tokens", justify="right", no_wrap=True)
    table.add_column("Spend", justify="right", no_wrap=True)
    for route in sorted(state.routes, key=_urgency):
        for row in _rows(route, state, wide=wide):
            table.add_row(*row)
    return table


def _rows(route: RouteState, state: GatewayState, *, wide: bool) -> Iterator[list[RenderableType]]:
    together = not wide and len(route.backends) == 1
    if not wide and not together:
        yield [_cut(route.name)]
    for place, backend in enumerate(sorted(route.backends, key=lambda each: _ORDER[each.state])):
        if wide:
            names: list[RenderableType] = [_cut(route.name if place == 0 else ""), _cut(_named(backend, wide=True))]
        else:
            names = [_cut(route.name if together else f"  {_named(backend, wide=False)}")]
        yield [*names, *_cells(backend, state, wide=wide)]


def _cut(text: str, style: str = "") -> Text:
    return Text(text, style, no_wrap=True, overflow="ellipsis")


def _urgency(route: RouteState) -> tuple[int, float, str]:
    """What is out of rotation first, then the busiest."""
    worst = min((_ORDER[backend.state] for backend in route.backends), default=2)
    return worst, -sum(backend.requests_per_second for backend in route.backends), route.name


def _cells(backend: BackendState, state: GatewayState, *, wide: bool) -> Iterator[RenderableType]:
    yield _cut(_standing(backend, state), _STYLE[backend.state])
    yield rate(backend.requests_per_second)
    yield count(backend.in_flight) if backend.in_flight else NOTHING
    for latency in (backend.p50_seconds, backend.p99_seconds, backend.first_token_p50_seconds):
        yield seconds(latency)
    if wide:
        yield count(backend.requests) if backend.requests else NOTHING
    yield _errors(backend)
    if wide:
        yield _cut(_kinds(backend) or NOTHING)
        yield _tokens(backend)
    yield dollars(backend.spend_nano_usd)


def _named(backend: BackendState, *, wide: bool) -> str:
    """By its model and the beginning of its id; by the id alone where the operator has chosen one.

    In little room the id comes first: it tells backends of one model apart, and what comes last is cut.
    """
    twice = backend.model.startswith(f"{backend.provider}/")
    model = backend.model if twice else f"{backend.provider}/{backend.model}"
    if _MADE_ID.fullmatch(backend.id):
        short = backend.id[:_SHORT_ID]
        return f"{model} {short}" if wide else f"{short} {model}"
    return f"{backend.id} ({model})" if wide else backend.id


def _standing(backend: BackendState, state: GatewayState) -> str:
    """The state, for how long still, why, and in how many processes if they differ."""
    told = backend.state.replace("_", " ")
    if backend.state == "open" and backend.until is not None and backend.until > state.at:
        told += f" {max(1, round(backend.until - state.at))} s"
    if backend.reason and backend.state != "closed":
        told += f": {backend.reason.replace('_', ' ')}"
    if backend.states:
        same = sum(each == backend.state for each in backend.states.values())
        told += f" ({same} of {len(backend.states)})"
    return told


def _errors(backend: BackendState) -> Text:
    failed = sum(backend.errors.values())
    if not failed:
        return Text(NOTHING)
    share = failed / max(backend.requests, failed)
    return Text(f"{count(failed)} ({share:.0%})" if share >= 0.01 else f"{count(failed)} (<1%)", "yellow")


def _kinds(backend: BackendState) -> str:
    most_first = sorted(backend.errors.items(), key=lambda kind: -kind[1])
    return ", ".join(f"{kind.replace('_', ' ')} {count(number)}" for kind, number in most_first)


def _tokens(backend: BackendState) -> str:
    if not backend.input_tokens and not backend.output_tokens:
        return NOTHING
    return f"{count(backend.input_tokens)} + {count(backend.output_tokens)}"


def _spenders(state: GatewayState) -> list[SpendView]:
    """Those with a budget or an expense, the nearest to its end first."""
    found = [view for view in state.spend if view.budget_nano_usd is not None or view.spent_nano_usd]
    return sorted(found, key=lambda view: (-(_share(view) or 0.0), -view.spent_nano_usd))[:MOST_SPENDERS]


def _share(view: SpendView) -> float | None:
    if view.budget_nano_usd is None:
        return None
    return view.spent_nano_usd / view.budget_nano_usd if view.budget_nano_usd else 1.0


def _spending(spenders: list[SpendView], at: float) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for title in ("Spender", "Id", "Window"):
        table.add_column(title, no_wrap=True)
    for title in ("Spent", "Budget", "Used", "Begins anew in"):
        table.add_column(title, justify="right", no_wrap=True)
    for view in spenders:
        share = _share(view)
        used = Text(NOTHING) if share is None else Text(f"{share:.0%}", "bold red" if share >= 1 else "")
        table.add_row(
            view.holder,
            Text(view.id[:_SHORT_ID]),
            view.period,
            dollars(view.spent_nano_usd),
            NOTHING if view.budget_nano_usd is None else dollars(view.budget_nano_usd),
            used,
            lasting(timedelta(seconds=view.resets_at - at)),
        )
    return table
