"""Alerts as Alertmanager takes them in (/api/v2/alerts), and as it sends them out (webhook, version 4)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

import msgspec

from lumina_telemetry.alerts.fingerprints import fingerprint
from lumina_telemetry.alerts.notices import Notice

RECEIVER = "lumina"
MOST_ALERTS = 200
"""Alerts in one message; the number of those left out is told as `truncatedAlerts`."""

_NEVER = "0001-01-01T00:00:00Z"
_NANO = 1_000_000_000


@dataclass(frozen=True)
class Bundle:
    """Alerts of one group that are told together."""

    labels: Mapping[str, str]
    notices: Sequence[Notice]


def posted(notices: Sequence[Notice], address: str) -> bytes:
    """The body of a POST to /api/v2/alerts. `address` is that of Lumina's portal, or empty."""
    return msgspec.json.encode(
        [
            {
                "labels": notice.labels,
                "annotations": notice.annotations,
                "startsAt": _time(notice.started_ns),
                "endsAt": _time(notice.until_ns),
                "generatorURL": _source(notice, address),
            }
            for notice in notices
        ]
    )


def webhook(bundle: Bundle, address: str) -> bytes:
    """The body that a webhook gets."""
    told = bundle.notices[:MOST_ALERTS]
    return msgspec.json.encode(
        {
            "receiver": RECEIVER,
            "status": _status(any(notice.firing for notice in bundle.notices)),
            "alerts": [_alert(notice, address) for notice in told],
            "groupLabels": bundle.labels,
            "commonLabels": _common([notice.labels for notice in bundle.notices]),
            "commonAnnotations": _common([notice.annotations for notice in bundle.notices]),
            "externalURL": address,
            "version": "4",
            "groupKey": _group_key(bundle.labels),
            "truncatedAlerts": len(bundle.notices) - len(told),
        }
    )


def _alert(notice: Notice, address: str) -> dict[str, object]:
    return {
        "status": _status(notice.firing),
        "labels": notice.labels,
        "annotations": notice.annotations,
        "startsAt": _time(notice.started_ns),
        "endsAt": _NEVER if notice.firing else _time(notice.until_ns),
        "generatorURL": _source(notice, address),
        "fingerprint": fingerprint(notice.labels),
    }


def _source(notice: Notice, address: str) -> str:
    return f"{address}/api/telemetry/rules?name={quote(notice.labels['alertname'], safe='')}" if address else ""


def _status(firing: bool) -> str:
    return "firing" if firing else "resolved"


def _common(all_pairs: Sequence[Mapping[str, str]]) -> dict[str, str]:
    first, *others = all_pairs
    return {name: text for name, text in first.items() if all(pairs.get(name) == text for pairs in others)}


def _group_key(labels: Mapping[str, str]) -> str:
    inner = ", ".join(f"{name}={msgspec.json.encode(text).decode()}" for name, text in sorted(labels.items()))
    return f"{{}}:{{{inner}}}"


def _time(at_ns: int) -> str:
    return datetime.fromtimestamp(at_ns / _NANO, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
