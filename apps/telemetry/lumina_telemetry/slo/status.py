"""How objectives stand, read from the series that their rules record."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lumina_telemetry.rules.running import Engine, RunningGroup
from lumina_telemetry.slo.compiling import PERIOD_DAYS, WINDOWS, ratio_name
from lumina_telemetry.slo.models import BurnRate, SloState, SloView
from lumina_telemetry.slo.objectives import Objective

_PERIOD = f"{PERIOD_DAYS}d"
Ratios = Mapping[tuple[str, str], float]
"""The share of bad events by the objective's id and the window."""


@dataclass(frozen=True)
class Standing:
    """Objectives as they are now."""

    engine: Engine
    groups: Sequence[RunningGroup]

    async def of(self, objectives: Iterable[Objective], at_ns: int) -> list[SloView]:
        ratios = await self._ratios(at_ns)
        firing = _firing(self.groups)
        return [_view(each, ratios, firing.get(each.id, set())) for each in objectives]

    async def _ratios(self, at_ns: int) -> Ratios:
        found: dict[tuple[str, str], float] = {}
        for window in WINDOWS:
            for sample in await self.engine.instant(ratio_name(window), at_ns):
                key = (sample.labels.get("sloth_id", ""), window)
                if math.isfinite(sample.value):
                    found[key] = max(sample.value, found.get(key, 0.0))
        return found


def _view(objective: Objective, ratios: Ratios, firing: set[str]) -> SloView:
    budget = float(objective.budget)
    rates = [_rate(window, ratios.get((objective.id, window)), budget) for window in WINDOWS]
    period = next(rate for rate in rates if rate.window == _PERIOD)
    left = None if period.burn_rate is None else 1 - period.burn_rate
    return SloView(
        id=objective.id,
        service=objective.service,
        name=objective.name,
        description=objective.description,
        labels=dict(objective.labels),
        objective=float(objective.ratio),
        good_ratio=None if period.error_ratio is None else 1 - period.error_ratio,
        budget_left=left,
        burn_rates=rates,
        state=_state(rates, left, firing),
    )


def _rate(window: str, ratio: float | None, budget: float) -> BurnRate:
    return BurnRate(window, ratio, None if ratio is None else ratio / budget)


def _state(rates: Sequence[BurnRate], left: float | None, firing: set[str]) -> SloState:
    if "page" in firing:
        return "page"
    if left is not None and left <= 0:
        return "exhausted"
    if "ticket" in firing:
        return "ticket"
    return "ok" if any(rate.error_ratio is not None for rate in rates) else "no_data"


def _firing(groups: Sequence[RunningGroup]) -> dict[str, set[str]]:
    """Which kinds of alerts fire, by the objective's id."""
    found: dict[str, set[str]] = {}
    running = [each for group in groups for each in group.rules if each.alerts]
    for alert in [alert for each in running if each.alerts for alert in each.alerts.active]:
        if alert.state == "firing" and (name := alert.labels.get("sloth_id")):
            found.setdefault(name, set()).add(alert.labels.get("sloth_severity", ""))
    return found
