"""What alert delivery counts of itself."""

from prometheus_client import CollectorRegistry, Counter


class AlertMeasures:
    """`receiver` is webhook-1, alertmanager-2 and so on: a URL can hold a secret."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._sent = Counter(
            "lumina_telemetry_alert_messages", "Messages with alerts, by how it went.", ("receiver", "result"),
            registry=registry,
        )  # fmt: skip
        self._dropped = Counter(
            "lumina_telemetry_alert_messages_dropped", "Messages with alerts that were given up, by reason.",
            ("receiver", "reason"), registry=registry,
        )  # fmt: skip

    def sent(self, receiver: str, result: str) -> None:
        self._sent.labels(receiver, result).inc()

    def dropped(self, receiver: str, reason: str) -> None:
        self._dropped.labels(receiver, reason).inc()
