"""What the state document shows of this process, read from the backends' standings and from the limits."""

from collections.abc import Callable, Iterable, Iterator
from heapq import nlargest
from operator import itemgetter
from typing import Literal

from lumina_contracts.snapshot import Limits
from lumina_inference.gateway.index import Index
from lumina_inference.gateway.limits.windows import window
from lumina_inference.gateway.standings import Standing
from lumina_inference.gateway.state import BackendView, SpendView

_MOST_BUDGETS = 1000


def backends(standings: Iterable[Standing], now: float, at: float) -> Iterator[BackendView]:
    """Every backend. `now` is the clock of the standings, `at` the same moment in Unix seconds."""
    for standing in standings:
        breaker, tally = standing.breaker, standing.tally
        state = breaker.state(now)
        yield BackendView(
            id=standing.target.backend.id,
            state=state,
            reason=breaker.reason,
            until=at + breaker.until - now if state == "open" and breaker.until > now else None,
            in_flight=standing.in_flight,
            requests=tally.requests,
            requests_per_second=tally.rate.per_second(now),
            errors=dict(tally.errors),
            latency=tally.latency.spread(now),
            first_token=tally.first_token.spread(now),
            input_tokens=tally.input_tokens,
            output_tokens=tally.output_tokens,
            spend_nano_usd=tally.spend_nano_usd,
        )


def spend(index: Index | None, spent: Callable[[str], int | None], at: float) -> Iterator[SpendView]:
    """The keys and projects that this process has seen spending. `spent` knows it by `key:<id>` or `project:<id>`."""
    if index is None:
        return
    keys = index.snapshot.keys
    for key in keys.keys:
        yield from _spend("key", key.id, key.limits, spent, at)
    for project in keys.projects:
        yield from _spend("project", project.id, project.limits, spent, at)


def budgets(index: Index | None, spent: Callable[[str], int | None]) -> list[tuple[tuple[str, str], float]]:
    """Key and project (of a project: no key), with the share of the budget that is spent; the fullest, if many.

    Who has spent nothing that this process knows of is not among them.
    """
    if index is None:
        return []
    keys = index.snapshot.keys
    shares = [((key.id, key.project_id), _share(key.limits, spent(f"key:{key.id}"))) for key in keys.keys]
    shares += [(("", project.id), _share(project.limits, spent(f"project:{project.id}"))) for project in keys.projects]
    return nlargest(_MOST_BUDGETS, ((who, share) for who, share in shares if share is not None), key=itemgetter(1))


def _share(limits: Limits, spent: int | None) -> float | None:
    """A budget of nothing is used up from the start."""
    if spent is None or limits.budget_nano_usd is None:
        return None
    return spent / limits.budget_nano_usd if limits.budget_nano_usd else 1.0


def _spend(
    holder: Literal["key", "project"], name: str, limits: Limits, spent: Callable[[str], int | None], at: float
) -> Iterator[SpendView]:
    amount = spent(f"{holder}:{name}")
    if amount is not None:
        yield SpendView(
            holder=holder,
            id=name,
            period=limits.budget_period,
            resets_at=float(window(limits.budget_period, at).ends),
            spent_nano_usd=amount,
            budget_nano_usd=limits.budget_nano_usd,
        )
