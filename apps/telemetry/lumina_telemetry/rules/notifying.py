"""Which of a rule's alerts are to be sent now, by Prometheus' own rule."""

from lumina_telemetry.alerts.notices import Notice
from lumina_telemetry.rules.alerting import NANO, Alert, key_of
from lumina_telemetry.rules.running import Running

RESEND_NS = 60 * NANO
_INTERVALS = 4
"""A receiver may miss this many times before it takes an alert that fires for over."""


def due_notices(running: Running, interval: float, now_ns: int) -> list[Notice]:
    """Firing alerts that were not sent for a minute, and those that began or ended since; marked as sent."""
    if running.alerts is None:
        return []
    held = {key_of(alert.labels): alert for alert in running.alerts.all}
    running.sent_ns = {key: sent for key, sent in running.sent_ns.items() if key in held}
    until_ns = now_ns + _INTERVALS * max(round(interval * NANO), RESEND_NS)
    notices = []
    for key, alert in held.items():
        if _needed(alert, running.sent_ns.get(key, 0), now_ns):
            running.sent_ns[key] = now_ns
            notices.append(notice(alert, until_ns))
    return notices


def notice(alert: Alert, until_ns: int) -> Notice:
    assert alert.fired_ns is not None
    ended = alert.resolved_ns
    return Notice(alert.labels, alert.annotations, ended is None, alert.fired_ns, until_ns if ended is None else ended)


def _needed(alert: Alert, sent_ns: int, now_ns: int) -> bool:
    if alert.state == "pending":
        return False
    moved_ns = alert.resolved_ns or alert.fired_ns or 0
    return moved_ns > sent_ns or sent_ns + RESEND_NS <= now_ns
