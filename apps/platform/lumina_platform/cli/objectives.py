"""Objectives and alerts as people read them."""

from collections.abc import Sequence
from typing import cast

from lumina_platform.cli.client import Row
from lumina_platform.cli.waterfall import clock

STATES = {
    "ok": "ok",
    "ticket": "burns slowly",
    "page": "burns fast",
    "exhausted": "exhausted",
    "no_data": "no data yet",
}


def slo_row(slo: Row) -> Row:
    """With shares as percentages, and the burn rate of the shortest and the longest window."""
    rates = cast("Sequence[Row]", slo["burn_rates"])
    return {
        **slo,
        "state": STATES.get(str(slo["state"]), slo["state"]),
        "target": percent(slo["objective"]),
        "kept": percent(slo["good_ratio"]),
        "left": percent(slo["budget_left"]),
        "burning": ", ".join(f"{rate['window']} {burn(rate['burn_rate'])}" for rate in _ends(rates)),
    }


def rate_row(rate: Row) -> Row:
    return {"window": rate["window"], "failed": percent(rate["error_ratio"]), "burn": burn(rate["burn_rate"])}


def alert_row(alert: Row) -> Row:
    """With the summary of its rule, and times that Python reads."""
    notes = cast("Row", alert["annotations"])
    return {
        **alert,
        "active_at": clock(alert["active_at"]),
        "resolved_at": clock(alert["resolved_at"]) if alert["resolved_at"] else None,
        "summary": notes.get("summary") or notes.get("description"),
    }


def percent(value: object) -> str | None:
    """A share of 1; None stays."""
    if value is None:
        return None
    share = cast("float", value) * 100
    return f"{share:.0f}%" if abs(share) >= 1000 else f"{share:.4g}%"


def burn(value: object) -> str:
    if value is None:
        return "-"
    rate = cast("float", value)
    return f"{rate:.0f}x" if rate >= 10 else f"{rate:.2g}x"


def _ends(rates: Sequence[Row]) -> Sequence[Row]:
    return rates if len(rates) < 3 else (rates[0], rates[-1])
