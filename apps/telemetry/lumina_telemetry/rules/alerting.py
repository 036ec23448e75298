"""The states of one alert rule's alerts, exactly as Prometheus moves them: inactive, pending, firing, resolved."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from lumina_telemetry.rules import templates
from lumina_telemetry.rules.definitions import Alerting

State = Literal["pending", "firing", "resolved"]
Key = tuple[tuple[str, str], ...]
NANO = 1_000_000_000
RESOLVED_KEPT_NS = 15 * 60 * NANO
"""How long a resolved alert is held, so that its end is told for sure."""


class RuleFailed(Exception):
    """An evaluation gave what no alerts can be made of; the text says why."""


@dataclass(frozen=True)
class Alert:
    """One alert. `active_ns` is when its expression gave it first, `kept_ns` since when it goes on without."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    state: State
    value: float
    active_ns: int
    fired_ns: int | None = None
    kept_ns: int | None = None
    resolved_ns: int | None = None

    def ended(self, now_ns: int) -> "Alert | None":
        """The alert as its end is told now; None where there is nothing to tell: it never fired, or is over already."""
        return replace(self, state="resolved", resolved_ns=now_ns, kept_ns=None) if self.state == "firing" else None


@dataclass(frozen=True)
class Found:
    """One series that an expression gave."""

    labels: Mapping[str, str]
    value: float


def key_of(labels: Mapping[str, str]) -> Key:
    return tuple(sorted(labels.items()))


class Alerts:
    """The alerts of one rule."""

    def __init__(self, rule: Alerting, restored: Iterable[Alert] = ()) -> None:
        self.rule = rule
        self._alerts = {key_of(alert.labels): alert for alert in restored}

    @property
    def all(self) -> list[Alert]:
        """Those that are resolved only lately, too."""
        return list(self._alerts.values())

    @property
    def active(self) -> list[Alert]:
        return [alert for alert in self._alerts.values() if alert.state != "resolved"]

    def evaluate(self, found: Iterable[Found], now_ns: int) -> None:
        """Move on to what the expression gives now. Raises RuleFailed, and changes nothing then."""
        given = self._given(found, now_ns)
        moved = {key: self._seen(self._alerts.get(key), fresh, now_ns) for key, fresh in given.items()}
        for key, alert in self._alerts.items():
            if key not in given and (left := self._missed(alert, now_ns)):
                moved[key] = left
        self._alerts = moved

    def _given(self, found: Iterable[Found], now_ns: int) -> dict[Key, Alert]:
        given: dict[Key, Alert] = {}
        for series in found:
            alert = self._fresh(series, now_ns)
            key = key_of(alert.labels)
            if key in given:
                raise RuleFailed(f"Two series give an alert with the same labels: {dict(key)}.")
            given[key] = alert
        return given

    def _fresh(self, series: Found, now_ns: int) -> Alert:
        seen = series.labels
        labels = {name: text for name, text in seen.items() if name != "__name__"}
        labels |= {name: templates.render(text, seen, series.value) for name, text in self.rule.labels.items()}
        labels["alertname"] = self.rule.alert
        notes = {name: templates.render(text, seen, series.value) for name, text in self.rule.annotations.items()}
        return Alert({name: text for name, text in labels.items() if text}, notes, "pending", series.value, now_ns)

    def _seen(self, known: Alert | None, fresh: Alert, now_ns: int) -> Alert:
        if known is None or known.state == "resolved":
            alert = fresh
        else:
            alert = replace(known, value=fresh.value, annotations=fresh.annotations, kept_ns=None)
        if alert.state == "pending" and now_ns - alert.active_ns >= self.rule.hold * NANO:
            alert = replace(alert, state="firing", fired_ns=now_ns)
        return alert

    def _missed(self, alert: Alert, now_ns: int) -> Alert | None:
        if alert.state == "pending":
            return None
        if alert.state == "resolved":
            assert alert.resolved_ns is not None
            return alert if now_ns - alert.resolved_ns <= RESOLVED_KEPT_NS else None
        since = alert.kept_ns or now_ns
        if self.rule.keep and now_ns - since < self.rule.keep * NANO:
            return replace(alert, kept_ns=since)
        return alert.ended(now_ns)
